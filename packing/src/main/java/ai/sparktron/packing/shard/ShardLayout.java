package ai.sparktron.packing.shard;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/** The fixed bytes of a shard: marks, alignment, the seal in front of the footer. */
final class ShardLayout {

    /** First bytes of an Arrow file; the last six are the same without the two zeros. */
    static final byte[] HEAD = {'A', 'R', 'R', 'O', 'W', '1', 0, 0};
    static final byte[] TAIL = {'A', 'R', 'R', 'O', 'W', '1'};

    /** In front of every message of the streaming format. */
    static final int CONTINUATION = 0xFFFF_FFFF;

    /** Bodies and the buffers within them start at multiples of this many bytes of the file, so that mapped columns are aligned for wide loads. */
    static final int ALIGNMENT = 64;

    static final byte[] SEAL = "SPKTSEAL".getBytes(StandardCharsets.US_ASCII);
    static final int SEAL_BYTES = 16;

    /** Continuation mark and length. */
    static final int PREFIX_BYTES = 8;

    /** Footer length and tail mark. */
    static final int TAIL_BYTES = 4 + TAIL.length;

    /** End-of-stream mark. */
    static final int END_BYTES = 8;

    static final String[] COLUMNS = {"ids", "labels", "positions", "weights"};
    static final int IDS = 0;
    static final int LABELS = 1;
    static final int POSITIONS = 2;
    static final int WEIGHTS = 3;

    /** Per list column: its own validity and offsets, its values' validity and data. */
    static final int BUFFERS_PER_COLUMN = 4;

    /** Keys of the footer's metadata. */
    static final String ROWS = "rows";
    static final String TOKENS = "tokens";
    static final String TRAINED_TOKENS = "trainedTokens";
    static final String DOCUMENTS = "documents";
    static final String BATCHES = "batches";

    private ShardLayout() {
    }

    static long aligned(long position, int to) {
        return (position + to - 1) / to * to;
    }

    /** The sixteen bytes in front of the footer. */
    static ByteBuffer seal(int footerBytes, int footerCrc) {
        ByteBuffer seal = ByteBuffer.allocate(SEAL_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        seal.put(SEAL).putInt(footerBytes).putInt(footerCrc);
        return seal.flip();
    }

    static long crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate());
        return crc.getValue();
    }
}
