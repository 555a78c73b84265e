package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.StateTensor;
import ai.sparktron.trainer.kernels.StochasticRounding;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.List;

/**
 * Norm of the gradient and the optimizer's step: {@code squares.cu} and {@code update.cu}. The norm moves the gradient's bytes; a step reads and writes each
 * state once: AdamW of float32 states with values of two bytes moves 30 bytes a
 * parameter, with the main weight as value and low half and moments of two bytes 16 and the gradient, with BF16 values alone and such moments 12 and the gradient.
 */
final class UpdateKernels {

    /** Elements of a thread in {@code update.cu}. */
    private static final int ELEMENTS = 8;
    /** Full of blocks that go through a range in a loop, 4, 5 or 8 at a time as their registers allow: as many in each turn, so that none is left to the end. */
    private static final int BLOCKS_OF_A_MULTIPROCESSOR = 40;
    private static final int SQUARES_THREADS = 512;
    private static final int STAGE_TWO_THREADS = 1024;

    private final int multiprocessors;
    private final Workspace workspace;
    private final Grid grid;
    private final Variants squares;
    private final Variants addSquares;
    private final Variants gradientFactor;
    private final Variants adamW;
    private final Variants sgd;

    UpdateKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.multiprocessors = device.multiprocessors();
        this.workspace = workspace;
        this.grid = new Grid(device.multiprocessors());
        this.squares = modules.variants("squares.cu", "sumOfSquares");
        this.addSquares = modules.variants("squares.cu", "addSquares");
        this.gradientFactor = modules.variants("squares.cu", "gradientFactor");
        List<String> before = List.of("philox.cuh");
        this.adamW = modules.variants(before, "update.cu", "adamW");
        this.sgd = modules.variants(before, "update.cu", "sgd");
    }

    void sumOfSquares(Tensor x, Tensor out, Write write) {
        int lanes = grid.over(x, Grid.lanes(x)).with(x).lanes();
        int blocks = grid.blocks(SQUARES_THREADS);
        long partial = workspace.address(Math.max(1, blocks) * (long) Double.BYTES);
        squares.of(x.dtype(), out.dtype(), lanes).matrix(x).longInteger(grid.rows()).longInteger(grid.columns()).pointer(partial)
                .launch(blocks, 1, 1, SQUARES_THREADS, 0);
        addSquares.of(x.dtype(), out.dtype(), lanes).pointer(partial).integer(blocks).pointer(out).integer(write == Write.ACCUMULATE ? 1 : 0)
                .launch(1, 1, 1, STAGE_TWO_THREADS, 0);
    }

    /** One thread. */
    void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        gradientFactor.of(DType.F32, squares.dtype(), 1).pointer(squares).real64(denominator).real64(clip).pointer(factor).pointer(norm).launch(1, 1, 1, 1, 0);
    }

    void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        StateTensor main = tensors.main();
        StateTensor first = tensors.firstMoment();
        StateTensor second = tensors.secondMoment();
        StochasticRounding rounding = tensors.rounding();
        boolean vector = (rounding == null || rounding.first() % ELEMENTS == 0) && whole(tensors.value()) && whole(gradient) && whole(first.elements()) && whole(second.elements()) && (main == null || whole(main.elements()));
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = 1 - Math.pow(step.beta2(), step.step());
        double decay = 1 - (double) step.learningRate() * step.weightDecay();
        launch(adamW.ofStates(tensors.value().dtype(), main == null ? null : main.elements().dtype(), gradient.dtype(), first.elements().dtype(),
                second.elements().dtype(), vector ? ELEMENTS : 1).pointer(tensors.value()).pointerOrNone(main == null ? null : main.elements())
                .pointerOrNone(main == null ? null : main.scales()).pointer(gradient).pointer(factor).pointer(first.elements()).pointerOrNone(first.scales())
                .pointer(second.elements()).pointerOrNone(second.scales()).real(step.beta1()).real(step.beta2()).real(step.epsilon()).real((float) decay)
                .real((float) (step.learningRate() / correction1)).real((float) (1 / correction2)).pointerOrNone(rounding == null ? null : rounding.numbers())
                .integer(rounding == null ? 0 : (int) rounding.numbers().rows()).longInteger(rounding == null ? 0 : rounding.first())
                .longInteger(rounding == null ? 0 : rounding.seed()).longInteger(step.step()), gradient.elements());
    }

    void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        boolean vector = whole(value) && whole(gradient) && whole(moment) && (copy == null || whole(copy));
        launch(sgd.ofStates(copy == null ? value.dtype() : copy.dtype(), copy == null ? null : value.dtype(), gradient.dtype(), moment.dtype(), moment.dtype(),
                vector ? ELEMENTS : 1).pointer(copy == null ? value : copy).pointerOrNone(copy == null ? null : value).pointer(gradient).pointer(factor)
                .pointer(moment).real(learningRate).real(momentum).real(weightDecay), value.elements());
    }

    /** Whether the elements of a thread can be moved at once. */
    private static boolean whole(Tensor range) {
        return range.address() % ((long) ELEMENTS * range.dtype().sizeBytes()) == 0;
    }

    private void launch(Kernel kernel, long elements) {
        long needed = (elements + (long) ELEMENTS * Grid.THREADS - 1) / ((long) ELEMENTS * Grid.THREADS);
        kernel.longInteger(elements).launch((int) Math.min(needed, (long) multiprocessors * BLOCKS_OF_A_MULTIPROCESSOR), 1, 1, Grid.THREADS, 0);
    }
}
