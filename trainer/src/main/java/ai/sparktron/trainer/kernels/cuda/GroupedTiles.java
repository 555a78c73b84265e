package ai.sparktron.trainer.kernels.cuda;

import java.util.List;

/**
 * How a block of {@code groupedTensor.cu} shares out a tile of results. Whatever the tile, an element's products are added in the same order: the choice among
 * them changes no bit.
 *
 * @param rows    of a tile
 * @param columns of a tile
 * @param down    rows of warps
 * @param across  warps of a row
 * @param stages  pieces of the sum under way into shared memory
 * @param blocks  that a multiprocessor holds at once
 */
record GroupedTiles(int rows, int columns, int down, int across, int stages, int blocks) {

    private static final int DEPTH = 64;
    private static final int HALF_BYTES = 2;

    /** The first is taken where nothing may be measured. All were seen to keep their sums in registers. */
    static final List<GroupedTiles> ALL = List.of(new GroupedTiles(128, 128, 2, 2, 3, 2), new GroupedTiles(128, 256, 2, 4, 3, 1),
            new GroupedTiles(64, 128, 1, 4, 4, 2));

    int threads() {
        return 32 * down * across;
    }

    /** Of a block, experts' offsets included. */
    int sharedBytes(int experts) {
        return stages * (rows + columns) * DEPTH * HALF_BYTES + (experts + 1) * Integer.BYTES;
    }

    List<String> defines() {
        return List.of("ROWS=" + rows, "COLUMNS=" + columns, "DOWN=" + down, "ACROSS=" + across, "STAGES=" + stages);
    }

    /** Without spaces: how chosen tiles are remembered on disk. */
    String code() {
        return rows + "x" + columns + ":" + down + "x" + across + ":" + stages;
    }
}
