package ai.sparktron.packing.shard;

import ai.sparktron.packing.shard.ShardFooter.BatchPlace;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;

/** Columns of one record batch as views of the mapping. Nothing is copied; every access stays within the body because the views end there. */
final class MappedBatch {

    private final String where;
    private final IntBuffer[] offsets = new IntBuffer[ShardLayout.COLUMNS.length];
    private final IntBuffer[] values = new IntBuffer[ShardLayout.WEIGHTS];
    private final FloatBuffer weights;
    private final ByteBuffer weightValidity;

    /**
     * @param bytes message and body, from position 0 to the limit
     * @throws ShardException when it is not the batch that the footer promised
     */
    MappedBatch(ByteBuffer bytes, BatchPlace place, ShardVerification verification, String where) {
        this.where = where;
        if (verification == ShardVerification.CHECKSUMS) {
            long crc = ShardLayout.crc(bytes);
            if (crc != place.crc32c()) {
                throw new ShardException(where + ": CRC32C is " + Long.toHexString(crc) + ", expected " + Long.toHexString(place.crc32c())
                        + ": the file is damaged; copy it or prepare it again");
            }
        }
        try {
            RecordBatch batch = message(bytes, place);
            ByteBuffer body = bytes.slice(place.messageBytes(), (int) place.bodyBytes()).order(ByteOrder.LITTLE_ENDIAN);
            for (int column = 0; column < offsets.length; column++) {
                offsets[column] = buffer(batch, body, column, 1).asIntBuffer();
                require(offsets[column].limit() == place.rows() + 1, ShardLayout.COLUMNS[column] + " has " + offsets[column].limit() + " offsets");
            }
            for (int column = 0; column < values.length; column++) {
                values[column] = buffer(batch, body, column, 3).asIntBuffer();
            }
            weightValidity = buffer(batch, body, ShardLayout.WEIGHTS, 0);
            weights = buffer(batch, body, ShardLayout.WEIGHTS, 3).asFloatBuffer();
            // Arrow lets a column without nulls leave its validity out.
            require(weightValidity.limit() == 0 || weightValidity.limit() >= (place.rows() + 7) / 8, "weights has too short a validity bitmap");
        } catch (IndexOutOfBoundsException | IllegalArgumentException | ArithmeticException e) {
            throw new ShardException(where + ": the record batch cannot be read: " + e.getMessage(), e);
        }
    }

    private RecordBatch message(ByteBuffer bytes, BatchPlace place) {
        ByteBuffer prefix = bytes.slice(0, ShardLayout.PREFIX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        int length = prefix.getInt(4);
        require(prefix.getInt(0) == ShardLayout.CONTINUATION && length == place.messageBytes() - ShardLayout.PREFIX_BYTES,
                "its message does not start where the footer says");
        Message message = Message.getRootAsMessage(bytes.slice(ShardLayout.PREFIX_BYTES, length));
        require(message.headerType() == MessageHeader.RecordBatch, "its message is of type " + message.headerType());
        require(message.bodyLength() == place.bodyBytes(), "its body has " + message.bodyLength() + " bytes, not " + place.bodyBytes());
        RecordBatch batch = (RecordBatch) message.header(new RecordBatch());
        require(batch.length() == place.rows(), "it has " + batch.length() + " rows, not " + place.rows());
        require(batch.compression() == null, "its body is compressed");
        require(batch.buffersLength() == ShardLayout.COLUMNS.length * ShardLayout.BUFFERS_PER_COLUMN, "it has " + batch.buffersLength() + " buffers");
        return batch;
    }

    private static ByteBuffer buffer(RecordBatch batch, ByteBuffer body, int column, int which) {
        Buffer span = batch.buffers(column * ShardLayout.BUFFERS_PER_COLUMN + which);
        return body.slice(Math.toIntExact(span.offset()), Math.toIntExact(span.length())).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new ShardException(where + ": " + otherwise + ": the file is damaged or was written by another program");
        }
    }

    int tokens(int row) {
        return offsets[ShardLayout.IDS].get(row + 1) - offsets[ShardLayout.IDS].get(row);
    }

    TokenRow row(int row) {
        try {
            boolean weighted = weightValidity.limit() == 0 ? offsets[ShardLayout.WEIGHTS].get(row + 1) > offsets[ShardLayout.WEIGHTS].get(row)
                    : (weightValidity.get(row >>> 3) >>> (row & 7) & 1) == 1;
            return new TokenRow(values(ShardLayout.IDS, row), values(ShardLayout.LABELS, row), values(ShardLayout.POSITIONS, row),
                    weighted ? weights.slice(start(ShardLayout.WEIGHTS, row), length(ShardLayout.WEIGHTS, row)) : null);
        } catch (IndexOutOfBoundsException | IllegalArgumentException | ArithmeticException e) {
            throw new ShardException(where + ", row " + row + " of the batch: offsets are out of range: " + e.getMessage(), e);
        }
    }

    private IntBuffer values(int column, int row) {
        return values[column].slice(start(column, row), length(column, row));
    }

    private int start(int column, int row) {
        return offsets[column].get(row);
    }

    private int length(int column, int row) {
        return offsets[column].get(row + 1) - offsets[column].get(row);
    }
}
