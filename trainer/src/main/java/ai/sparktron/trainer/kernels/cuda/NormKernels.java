package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * RMSNorm: {@code norm.cu}, compiled for each width. With A the bytes of [T, D]: the norm moves 2 A, with addition 4 A, its gradient 3 A and 4 A where it
 * accumulates; the gradient of the weight is added up in two stages of a fixed order.
 */
final class NormKernels {

    private static final int WARP = 32;
    /** As {@code norm.cu} has it: packs that the lanes of a warp can hold, beyond which a team has several warps of four packs a thread. */
    private static final int MOST_PACKS_OF_A_WARP = 192;
    private static final int PACKS_OF_A_WARP_IN_A_TEAM = 128;
    private static final int THREADS = 256;
    private static final int LARGEST_TEAM = 1024;
    /** Blocks of the gradient on a multiprocessor: each leaves a row of partial sums. */
    private static final int GRADIENT_BLOCKS = 2;

    private final int multiprocessors;
    private final Grid grid;
    private final Workspace workspace;
    private final ColumnSums sums;
    private final Variants norm;
    private final Variants addNorm;
    private final Variants normGrad;

    NormKernels(CudaDevice device, Modules modules, Workspace workspace, ColumnSums sums) {
        this.multiprocessors = device.multiprocessors();
        this.grid = new Grid(multiprocessors);
        this.workspace = workspace;
        this.sums = sums;
        this.norm = modules.variants("norm.cu", "rmsNorm");
        this.addNorm = modules.variants("norm.cu", "addRmsNorm");
        this.normGrad = modules.variants("norm.cu", "rmsNormGrad");
    }

    private static int team(int packs) {
        if (packs > MOST_PACKS_OF_A_WARP) {
            return Math.min(LARGEST_TEAM, (packs + PACKS_OF_A_WARP_IN_A_TEAM - 1) / PACKS_OF_A_WARP_IN_A_TEAM * WARP);
        }
        return Math.min(WARP, Integer.highestOneBit(Math.max(1, 2 * packs - 1)));
    }

    /** Teams of a block. */
    private static int teams(int team) {
        return Math.max(1, THREADS / team);
    }

    void norm(Tensor x, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        int size = Math.toIntExact(weight.columns());
        int lanes = grid.overRows(x.rows(), x.columns(), Grid.lanes(x)).with(x).with(weight).with(out).dividing(size).lanes();
        int groups = (int) (x.columns() / size);
        launch(norm.of(x.dtype(), x.dtype(), lanes, size).matrix(x).pointer(weight).real(epsilon).matrix(out).matrixOrNone(inverseRms).longInteger(x.rows())
                .integer(groups), x.rows() * groups, team(size / lanes));
    }

    void addNorm(Tensor x, Tensor delta, Tensor weight, float epsilon, Tensor out, Tensor inverseRms) {
        int size = Math.toIntExact(weight.columns());
        int lanes = grid.overRows(x.rows(), x.columns(), Grid.lanes(x)).with(x).with(delta).with(weight).with(out).dividing(size).lanes();
        int groups = (int) (x.columns() / size);
        launch(addNorm.of(x.dtype(), x.dtype(), lanes, size).matrix(x).matrix(delta).pointer(weight).real(epsilon).matrix(out).matrixOrNone(inverseRms)
                .longInteger(x.rows()).integer(groups), x.rows() * groups, team(size / lanes));
    }

    private void launch(Kernel kernel, long groups, int team) {
        kernel.launch(grid.blocks(groups * team, team * teams(team)), 1, 1, team * teams(team), 0);
    }

    /** @param dWeight null for a frozen weight */
    void normGrad(Tensor dy, Tensor x, Tensor weight, Tensor inverseRms, Tensor dx, Write dxWrite, Tensor dWeight) {
        int size = Math.toIntExact(weight.columns());
        int lanes = grid.overRows(x.rows(), x.columns(), Grid.lanes(x)).with(dy).with(x).with(weight).with(dx).dividing(size).lanes();
        int groups = (int) (x.columns() / size);
        int team = team(size / lanes);
        int teams = teams(team);
        long wanted = (x.rows() * groups + teams - 1) / teams;
        int blocks = (int) Math.min(wanted, (long) multiprocessors * GRADIENT_BLOCKS * Math.max(1, THREADS / (team * teams)));
        long partial = dWeight == null ? 0 : workspace.address((long) blocks * size * Float.BYTES);
        normGrad.of(x.dtype(), x.dtype(), lanes, size).matrix(dy).matrix(x).pointer(weight).matrix(inverseRms).matrix(dx)
                .integer(dxWrite == Write.ACCUMULATE ? 1 : 0).pointer(partial).longInteger(x.rows()).integer(groups)
                .launch(blocks, 1, 1, team * teams, 0);
        if (dWeight != null && blocks > 0) {
            sums.addPartials(partial, blocks, dWeight);
        }
    }
}
