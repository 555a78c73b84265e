package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/**
 * Norm of the gradient and the optimizer's step: {@code squares.cu} and {@code update.cu}. The norm moves the gradient's bytes; a step reads and writes each
 * state once: AdamW of float32 states with a copy of two bytes moves 30 bytes a parameter.
 */
final class UpdateKernels {

    private static final int SQUARES_THREADS = 512;
    private static final int STAGE_TWO_THREADS = 1024;

    private final Workspace workspace;
    private final Grid grid;
    private final Variants squares;
    private final Variants addSquares;
    private final Variants gradientFactor;
    private final Variants adamW;
    private final Variants sgd;

    UpdateKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.workspace = workspace;
        this.grid = new Grid(device.multiprocessors());
        this.squares = modules.variants("squares.cu", "sumOfSquares");
        this.addSquares = modules.variants("squares.cu", "addSquares");
        this.gradientFactor = modules.variants("squares.cu", "gradientFactor");
        this.adamW = modules.variants("update.cu", "adamW");
        this.sgd = modules.variants("update.cu", "sgd");
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
        boolean apart = tensors.main() != null;
        Tensor value = apart ? tensors.main().elements() : tensors.value();
        Tensor copy = apart ? tensors.value() : null;
        Tensor firstMoment = tensors.firstMoment().elements();
        Tensor secondMoment = tensors.secondMoment().elements();
        requireFloat32(value);
        requireFloat32(gradient);
        requireFloat32(firstMoment);
        requireFloat32(secondMoment);
        grid.over(value, Grid.lanes(value)).with(value).with(gradient).with(firstMoment).with(secondMoment).with(apart ? copy : value);
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = 1 - Math.pow(step.beta2(), step.step());
        double decay = 1 - (double) step.learningRate() * step.weightDecay();
        launch(adamW.ofStates(value.dtype(), gradient.dtype(), firstMoment.dtype(), secondMoment.dtype(), copyType(copy), grid.lanes()).pointer(value)
                .pointer(gradient).pointer(factor).pointer(firstMoment).pointer(secondMoment).pointerOrNone(copy).real(step.beta1()).real(step.beta2())
                .real(step.epsilon()).real((float) decay).real((float) (step.learningRate() / correction1)).real((float) (1 / correction2)));
    }

    private static void requireFloat32(Tensor tensor) {
        if (tensor.dtype() != DType.F32) {
            throw new UnsupportedOperationException(tensor + ": AdamW on a GPU keeps this in float32 so far; leave out --use_precision_aware_optimizer");
        }
    }

    void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        grid.over(value, Grid.lanes(value)).with(value).with(gradient).with(moment).with(copy == null ? value : copy);
        launch(sgd.ofStates(value.dtype(), gradient.dtype(), moment.dtype(), moment.dtype(), copyType(copy), grid.lanes()).pointer(value).pointer(gradient)
                .pointer(factor).pointer(moment).pointerOrNone(copy).real(learningRate).real(momentum).real(weightDecay));
    }

    private static DType copyType(Tensor copy) {
        return copy == null ? DType.BF16 : copy.dtype();
    }

    private void launch(Kernel kernel) {
        kernel.longInteger(grid.columns()).launch(grid.blocks(Grid.THREADS), 1, 1, Grid.THREADS, 0);
    }
}
