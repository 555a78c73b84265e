package ai.sparktron.packing.shard;

import com.google.flatbuffers.FlatBufferBuilder;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;

/** Schema, record batches and footer of a shard as Arrow's flatbuffers; no file positions but those given. */
final class ArrowEncoder {

    private ArrowEncoder() {
    }

    /** One written record batch: where its message starts, bytes of message and body, rows and checksum. */
    record WrittenBatch(long offset, int messageBytes, long bodyBytes, int rows, long crc32c) {
    }

    /** Place of one buffer within the body. */
    record BufferSpan(long offset, long bytes) {
    }

    static ByteBuffer schemaMessage(Map<String, String> metadata) {
        FlatBufferBuilder builder = new FlatBufferBuilder();
        int schema = schema(builder, metadata);
        builder.finish(Message.createMessage(builder, MetadataVersion.V5, MessageHeader.Schema, schema, 0, 0));
        return builder.dataBuffer();
    }

    /**
     * @param lengths   per node (list, values, list, values ...) its number of entries
     * @param nullCount rows whose weights are null
     */
    static ByteBuffer batchMessage(int rows, long[] lengths, int nullCount, List<BufferSpan> spans, long bodyBytes) {
        FlatBufferBuilder builder = new FlatBufferBuilder();
        RecordBatch.startBuffersVector(builder, spans.size());
        for (int i = spans.size() - 1; i >= 0; i--) {
            Buffer.createBuffer(builder, spans.get(i).offset(), spans.get(i).bytes());
        }
        int buffers = builder.endVector();
        RecordBatch.startNodesVector(builder, lengths.length);
        for (int i = lengths.length - 1; i >= 0; i--) {
            FieldNode.createFieldNode(builder, lengths[i], i == 2 * ShardLayout.WEIGHTS ? nullCount : 0);
        }
        int nodes = builder.endVector();
        int batch = RecordBatch.createRecordBatch(builder, rows, nodes, buffers, 0, 0);
        builder.finish(Message.createMessage(builder, MetadataVersion.V5, MessageHeader.RecordBatch, batch, bodyBytes, 0));
        return builder.dataBuffer();
    }

    static ByteBuffer footer(Map<String, String> schemaMetadata, Map<String, String> footerMetadata, List<WrittenBatch> batches) {
        FlatBufferBuilder builder = new FlatBufferBuilder();
        int schema = schema(builder, schemaMetadata);
        int metadata = Footer.createCustomMetadataVector(builder, keyValues(builder, footerMetadata));
        Footer.startRecordBatchesVector(builder, batches.size());
        for (int i = batches.size() - 1; i >= 0; i--) {
            WrittenBatch batch = batches.get(i);
            Block.createBlock(builder, batch.offset(), batch.messageBytes(), batch.bodyBytes());
        }
        int blocks = builder.endVector();
        Footer.startDictionariesVector(builder, 0);
        int dictionaries = builder.endVector();
        builder.finish(Footer.createFooter(builder, MetadataVersion.V5, schema, dictionaries, blocks, metadata));
        return builder.dataBuffer();
    }

    private static int schema(FlatBufferBuilder builder, Map<String, String> metadata) {
        int[] fields = new int[ShardLayout.COLUMNS.length];
        for (int column = 0; column < fields.length; column++) {
            fields[column] = listField(builder, column);
        }
        int fieldVector = Schema.createFieldsVector(builder, fields);
        int metadataVector = Schema.createCustomMetadataVector(builder, keyValues(builder, metadata));
        return Schema.createSchema(builder, Endianness.Little, fieldVector, metadataVector, 0);
    }

    private static int listField(FlatBufferBuilder builder, int column) {
        boolean weights = column == ShardLayout.WEIGHTS;
        int itemName = builder.createString("item");
        int itemType = weights ? FloatingPoint.createFloatingPoint(builder, Precision.SINGLE) : Int.createInt(builder, 32, true);
        int noChildren = Field.createChildrenVector(builder, new int[0]);
        int item = Field.createField(builder, itemName, false, weights ? Type.FloatingPoint : Type.Int, itemType, 0, noChildren, 0);
        int name = builder.createString(ShardLayout.COLUMNS[column]);
        int children = Field.createChildrenVector(builder, new int[] {item});
        org.apache.arrow.flatbuf.List.startList(builder);
        int list = org.apache.arrow.flatbuf.List.endList(builder);
        return Field.createField(builder, name, weights, Type.List, list, 0, children, 0);
    }

    private static int[] keyValues(FlatBufferBuilder builder, Map<String, String> map) {
        int[] entries = new int[map.size()];
        int i = 0;
        for (Map.Entry<String, String> entry : map.entrySet()) {
            int key = builder.createString(entry.getKey());
            int value = builder.createString(entry.getValue());
            entries[i++] = KeyValue.createKeyValue(builder, key, value);
        }
        return entries;
    }
}
