package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.AdamWStep;
import ai.sparktron.trainer.kernels.AdamWTensors;
import ai.sparktron.trainer.kernels.Write;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;

/** Norm of the gradient and the optimizer's step: {@code reductions.cu} and {@code optimizer.cu}. A step reads and writes each state once. */
final class UpdateKernels {

    private static final int THREADS = 256;
    private static final int BLOCKS_OF_A_MULTIPROCESSOR = 8;
    /** Elements of a thread: states of four bytes decide. */
    private static final int ELEMENTS = 4;

    private final int multiprocessors;
    private final Workspace workspace;
    private final Grid grid;
    private final Modules.Versions squares;
    private final Modules.Versions addShares;
    private final Modules.Versions gradientFactor;
    private final Modules.Versions adamW;
    private final Modules.Versions sgd;

    UpdateKernels(CudaDevice device, Modules modules, Workspace workspace) {
        this.multiprocessors = device.multiprocessors();
        this.workspace = workspace;
        this.grid = new Grid(multiprocessors);
        this.squares = modules.versions("reductions.cu", "squares");
        this.addShares = modules.versions("reductions.cu", "addShares");
        this.gradientFactor = modules.versions("optimizer.cu", "gradientFactor");
        this.adamW = modules.versions("optimizer.cu", "adamW");
        this.sgd = modules.versions("optimizer.cu", "sgd");
    }

    void sumOfSquares(Tensor x, Tensor out, Write write) {
        int elements = ElementwiseKernels.elements(x.dtype());
        grid.over(x).with(x, elements).lay(elements);
        int across = Math.min(grid.x, multiprocessors * BLOCKS_OF_A_MULTIPROCESSOR);
        int down = Math.max(1, Math.min(grid.y, multiprocessors * BLOCKS_OF_A_MULTIPROCESSOR / Math.max(1, across)));
        across = Math.max(1, across);
        long partial = workspace.address((long) across * down * Double.BYTES);
        squares.of(x.dtype(), grid.vector).matrix(x).longInteger(grid.rows).longInteger(grid.columns).pointer(partial).launch(across, down, 1, Math.max(32, grid.threads), 0);
        addShares.plain(out.dtype()).pointer(partial).longInteger((long) across * down).pointer(out).integer(write == Write.ACCUMULATE ? 1 : 0)
                .launch(1, 1, 1, THREADS, 0);
    }

    void gradientFactor(Tensor squares, double denominator, double clip, Tensor factor, Tensor norm) {
        gradientFactor.plain(squares.dtype()).pointer(squares).longInteger(Double.doubleToRawLongBits(denominator)).longInteger(Double.doubleToRawLongBits(clip))
                .pointer(factor).pointer(norm).launch(1, 1, 1, 32, 0);
    }

    void adamW(AdamWStep step, AdamWTensors tensors, Tensor gradient, Tensor factor) {
        boolean apart = tensors.main() != null;
        Tensor value = apart ? tensors.main().elements() : tensors.value();
        Tensor copy = apart ? tensors.value() : null;
        Tensor firstMoment = tensors.firstMoment().elements();
        Tensor secondMoment = tensors.secondMoment().elements();
        for (Tensor tensor : new Tensor[] {value, gradient, firstMoment, secondMoment}) {
            if (tensor.dtype() != DType.F32) {
                throw new UnsupportedOperationException(tensor + ": AdamW on a GPU keeps this in float32 so far; leave out --use_precision_aware_optimizer");
            }
        }
        boolean vector = Grid.aligned(value, ELEMENTS) && Grid.aligned(gradient, ELEMENTS) && Grid.aligned(firstMoment, ELEMENTS)
                && Grid.aligned(secondMoment, ELEMENTS) && (copy == null || Grid.aligned(copy, ELEMENTS)) && value.elements() % ELEMENTS == 0;
        double correction1 = 1 - Math.pow(step.beta1(), step.step());
        double correction2 = 1 - Math.pow(step.beta2(), step.step());
        adamW.of(copy == null ? DType.F32 : copy.dtype(), vector).pointer(value).pointer(gradient).pointer(factor).pointer(firstMoment)
                .pointer(secondMoment).pointerOrNone(copy).longInteger(value.elements()).real(step.learningRate()).real(step.beta1()).real(step.beta2())
                .real(step.epsilon()).real((float) (1.0 - (double) step.learningRate() * step.weightDecay())).real((float) (1 / correction1))
                .real((float) (1 / correction2)).launch(blocks(value.elements(), vector), 1, 1, THREADS, 0);
    }

    void sgd(float learningRate, float momentum, float weightDecay, Tensor value, Tensor gradient, Tensor factor, Tensor moment, Tensor copy) {
        boolean vector = Grid.aligned(value, ELEMENTS) && Grid.aligned(gradient, ELEMENTS) && Grid.aligned(moment, ELEMENTS)
                && (copy == null || Grid.aligned(copy, ELEMENTS)) && value.elements() % ELEMENTS == 0;
        sgd.of(copy == null ? DType.F32 : copy.dtype(), vector).pointer(value).pointer(gradient).pointer(factor).pointer(moment).pointerOrNone(copy)
                .longInteger(value.elements()).real(learningRate).real(momentum).real(weightDecay).launch(blocks(value.elements(), vector), 1, 1, THREADS, 0);
    }

    private int blocks(long elements, boolean vector) {
        long threads = elements / (vector ? ELEMENTS : 1);
        return (int) Math.min((threads + THREADS - 1) / THREADS, (long) multiprocessors * BLOCKS_OF_A_MULTIPROCESSOR * 4);
    }
}
