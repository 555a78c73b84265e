package ai.sparktron.trainer.kernels.cuda;

import java.util.List;
import java.util.stream.Stream;

/**
 * How a block of {@code groupedTensor.cu} shares out a tile of results. Whatever the tile, a unit adds an element's products in the same order: the choice among
 * tiles of one unit changes no bit.
 *
 * @param unit    what multiplies
 * @param rows    of a tile
 * @param columns of a tile
 * @param down    rows of warps
 * @param across  warps of a row
 * @param stages  pieces of the sum under way into shared memory
 * @param blocks  that a multiprocessor holds at once
 */
record GroupedTiles(Unit unit, int rows, int columns, int down, int across, int stages, int blocks) {

    /** Elements of the sum that a piece has. */
    static final int DEPTH = 64;

    private static final int HALF_BYTES = 2;
    /** Of the two of a piece. */
    private static final int BARRIER_BYTES = 16;

    /** Instructions of the tensor cores. */
    enum Unit {
        /** Of a warp, on every device. */
        WARP(0, "groupedWarps.cuh"),
        /** Of four warps together, which read both operands from shared memory: compute capability 9.0. */
        WARPGROUP(0, "warpgroup.cuh", "groupedHopper.cuh"),
        /** The same, while the copy engine brings pieces as {@link TensorMap}s say. */
        STREAM(128, "warpgroup.cuh", "groupedStream.cuh");

        private static final int HOPPER = 90;

        /** Threads that do not multiply. */
        private final int copiers;
        private final List<String> resources;

        Unit(int copiers, String... resources) {
            this.copiers = copiers;
            this.resources = List.of(resources);
        }

        boolean isOn(int capability) {
            return this == WARP || capability == HOPPER;
        }
    }

    /** The first is taken where nothing may be measured. All were seen to keep their sums in registers. */
    static final List<GroupedTiles> ALL = List.of(new GroupedTiles(Unit.WARP, 128, 128, 2, 2, 3, 2), new GroupedTiles(Unit.WARP, 128, 256, 2, 4, 3, 1),
            new GroupedTiles(Unit.WARP, 64, 128, 1, 4, 4, 2), new GroupedTiles(Unit.WARPGROUP, 128, 256, 8, 1, 4, 1),
            new GroupedTiles(Unit.WARPGROUP, 128, 128, 8, 1, 3, 2), new GroupedTiles(Unit.WARPGROUP, 64, 128, 4, 1, 4, 2),
            new GroupedTiles(Unit.STREAM, 128, 256, 8, 1, 4, 1), new GroupedTiles(Unit.STREAM, 192, 256, 12, 1, 4, 1));

    /** Those of the tiles a device can run that are worth a trial: where warpgroups multiply, warps' own instructions are there for what is not measured. */
    static List<GroupedTiles> candidates(int capability, int sharedBytes, int experts) {
        List<GroupedTiles> fitting = fitting(capability, sharedBytes, experts);
        return fitting.stream().filter(tiles -> tiles.unit != Unit.WARP || !Unit.WARPGROUP.isOn(capability) || tiles == fitting.get(0)).toList();
    }

    /** Those that a device can run. */
    static List<GroupedTiles> fitting(int capability, int sharedBytes, int experts) {
        return ALL.stream().filter(tiles -> tiles.unit.isOn(capability) && tiles.sharedBytes(experts) <= sharedBytes).toList();
    }

    /** Sources that the kernels are made of, in their order. */
    List<String> sources() {
        return Stream.of(List.of("mma.cuh", "grouped.cuh", "groupedPieces.cuh"), unit.resources, List.of("groupedTensor.cu")).flatMap(List::stream).toList();
    }

    /** Whether kernels are given maps of their operands. */
    boolean hasMaps() {
        return unit == Unit.STREAM;
    }

    int threads() {
        return 32 * down * across + unit.copiers;
    }

    /** Of a block, experts' offsets included. */
    int sharedBytes(int experts) {
        return stages * ((rows + columns) * DEPTH * HALF_BYTES + (unit.copiers > 0 ? BARRIER_BYTES : 0)) + (experts + 1) * Integer.BYTES;
    }

    List<String> defines() {
        return List.of("ROWS=" + rows, "COLUMNS=" + columns, "DOWN=" + down, "ACROSS=" + across, "STAGES=" + stages, "BLOCKS=" + blocks,
                "COPIERS=" + unit.copiers);
    }

    /** Without spaces: how chosen tiles are remembered on disk. */
    String code() {
        return unit + ":" + rows + "x" + columns + ":" + down + "x" + across + ":" + stages;
    }
}
