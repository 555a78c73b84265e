package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import java.util.List;

/**
 * How one of the tensor-core kernels of attention is compiled for head sizes. Sizes between the ones here are filled up with zeros. All of these were seen to keep
 * their sums in registers (compute capabilities 8.0 to 10.0); larger tiles do not.
 *
 * @param key    columns of a key head that the kernel is made for
 * @param value  columns of a value head
 * @param warps  of a block, each with 16 rows
 * @param tile   rows of the other side that a step takes
 * @param parts  blocks that share out the columns of one block's sums
 * @param source file of the kernel
 */
record FlashConfiguration(int key, int value, int warps, int tile, int parts, Kind source) {

    private static final int WARP_ROWS = 16;
    private static final int PADDING_COLUMNS = 8;
    private static final int HALF_BYTES = 2;

    /** The kernels. */
    enum Kind {
        FORWARD("flashForward.cu"), QUERIES("flashQueries.cu"), KEYS("flashKeys.cu");

        final String resource;

        Kind(String resource) {
            this.resource = resource;
        }
    }

    /** Largest first: the first that fits into a block's shared memory is taken. */
    private static final List<FlashConfiguration> ALL = List.of(
            new FlashConfiguration(64, 64, 8, 64, 1, Kind.FORWARD), new FlashConfiguration(64, 64, 8, 64, 1, Kind.QUERIES),
            new FlashConfiguration(64, 64, 8, 64, 1, Kind.KEYS), new FlashConfiguration(64, 64, 4, 64, 1, Kind.QUERIES),
            new FlashConfiguration(64, 64, 4, 32, 1, Kind.KEYS),
            new FlashConfiguration(96, 96, 8, 64, 1, Kind.FORWARD), new FlashConfiguration(96, 96, 8, 64, 1, Kind.QUERIES),
            new FlashConfiguration(96, 96, 8, 32, 1, Kind.KEYS), new FlashConfiguration(96, 96, 4, 32, 1, Kind.QUERIES),
            new FlashConfiguration(96, 96, 4, 32, 1, Kind.KEYS),
            new FlashConfiguration(128, 128, 8, 64, 1, Kind.FORWARD), new FlashConfiguration(128, 128, 8, 64, 1, Kind.QUERIES),
            new FlashConfiguration(128, 128, 8, 32, 1, Kind.KEYS), new FlashConfiguration(128, 128, 4, 32, 1, Kind.QUERIES),
            new FlashConfiguration(128, 128, 4, 32, 1, Kind.KEYS),
            new FlashConfiguration(192, 128, 8, 64, 1, Kind.FORWARD), new FlashConfiguration(192, 128, 8, 32, 1, Kind.QUERIES),
            new FlashConfiguration(192, 128, 8, 16, 1, Kind.KEYS), new FlashConfiguration(192, 128, 4, 32, 1, Kind.FORWARD),
            new FlashConfiguration(192, 128, 4, 32, 1, Kind.QUERIES), new FlashConfiguration(192, 128, 4, 16, 1, Kind.KEYS),
            new FlashConfiguration(256, 256, 8, 64, 1, Kind.FORWARD), new FlashConfiguration(256, 256, 8, 32, 1, Kind.QUERIES),
            new FlashConfiguration(256, 256, 8, 32, 2, Kind.KEYS), new FlashConfiguration(256, 256, 4, 32, 1, Kind.FORWARD),
            new FlashConfiguration(256, 256, 4, 32, 1, Kind.QUERIES), new FlashConfiguration(256, 256, 4, 32, 2, Kind.KEYS));

    /**
     * The configuration of a kernel for head sizes.
     *
     * @param sharedBytes most that a block may have on the device
     * @return null when there is none
     */
    static FlashConfiguration of(Kind kind, int keySize, int valueSize, int sharedBytes) {
        for (FlashConfiguration each : ALL) {
            if (each.source == kind && keySize <= each.key && valueSize <= each.value && each.sharedBytes() <= sharedBytes) {
                return each;
            }
        }
        return null;
    }

    /** Rows of a block. */
    int rows() {
        return warps * WARP_ROWS;
    }

    /** Threads of a block. */
    int threads() {
        return warps * 32;
    }

    private static int rowBytes(int columns) {
        return (columns + PADDING_COLUMNS) * HALF_BYTES;
    }

    /** Shared memory of a block; the kernels' sources say what for. */
    int sharedBytes() {
        int both = rowBytes(key) + rowBytes(value);
        return switch (source) {
            case FORWARD -> rows() * rowBytes(key) + tile * (both + 2 * Integer.BYTES);
            case QUERIES -> rows() * both + 2 * tile * (both + 2 * Integer.BYTES);
            case KEYS -> rows() * both + 2 * tile * (both + 2 * Integer.BYTES + 2 * Float.BYTES);
        };
    }

    /** @param result of what is made, the operands' type or float32 */
    List<String> defines(DType dtype, DType result) {
        return List.of("T=" + Variants.spelled(dtype), "RESULT=" + Variants.spelled(result), "KEY=" + key, "VALUE=" + value, "WARPS=" + warps, "TILE=" + tile, "PARTS=" + parts);
    }
}
