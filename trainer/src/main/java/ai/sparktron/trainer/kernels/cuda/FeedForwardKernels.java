package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.Tensor;

/** SwiGLU: {@code swiglu.cu}. With A the bytes of [T, F]: 3 A forward, 5 A backward, 6 A where backward makes the activation again. */
final class FeedForwardKernels {

    private static final int WARP = 32;

    private final Grid grid;
    private final Variants swiGlu;
    private final Variants swiGluGrad;
    private final Variants swiGluBackward;
    private final Variants swiGluScaled;
    private final Variants swiGluScaledBackward;

    FeedForwardKernels(CudaDevice device, Modules modules) {
        this.grid = new Grid(device.multiprocessors());
        this.swiGlu = modules.variants("swiglu.cu", "swiGlu");
        this.swiGluGrad = modules.variants("swiglu.cu", "swiGluGrad");
        this.swiGluBackward = modules.variants("swiglu.cu", "swiGluBackward");
        this.swiGluScaled = modules.variants("swiglu.cu", "swiGluScaled");
        this.swiGluScaledBackward = modules.variants("swiglu.cu", "swiGluScaledBackward");
    }

    void swiGlu(Tensor gateUp, Tensor out) {
        grid.overRows(out.rows(), out.columns(), Grid.lanes(out)).with(gateUp).with(out);
        grid.launch(swiGlu.of(out.dtype(), grid.lanes()).matrix(gateUp).matrix(out));
    }

    void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        grid.overRows(dOut.rows(), dOut.columns(), Grid.lanes(dOut)).with(dOut).with(gateUp).with(dGateUp);
        grid.launch(swiGluGrad.of(dOut.dtype(), grid.lanes()).matrix(dOut).matrix(gateUp).matrix(dGateUp));
    }

    void swiGluBackward(Tensor dOut, Tensor gateUp) {
        grid.overRows(dOut.rows(), dOut.columns(), Grid.lanes(dOut)).with(dOut).with(gateUp);
        grid.launch(swiGluBackward.of(dOut.dtype(), grid.lanes()).matrix(dOut).matrix(gateUp));
    }

    void swiGluScaled(Tensor gateUp, Tensor factors, Tensor out) {
        grid.overRows(out.rows(), out.columns(), Grid.lanes(out)).with(gateUp).with(out);
        grid.launch(swiGluScaled.of(out.dtype(), grid.lanes()).matrix(gateUp).pointer(factors).matrix(out));
    }

    void swiGluScaledBackward(Tensor dOut, Tensor gateUp, Tensor factors, Tensor dFactors) {
        int lanes = grid.overRows(dOut.rows(), dOut.columns(), Grid.lanes(dOut)).with(dOut).with(gateUp).lanes();
        swiGluScaledBackward.of(dOut.dtype(), lanes).matrix(dOut).matrix(gateUp).pointer(factors).pointer(dFactors)
                .longInteger(dOut.columns()).launch((int) dOut.rows(), 1, 1, threads(dOut.columns() / lanes), 0);
    }

    /** Of a block that has a row of so many packs: narrow experts' rows do not fill a large one. */
    private static int threads(long packs) {
        return (int) Math.min(Grid.THREADS, Math.max(1, (packs + WARP - 1) / WARP) * WARP);
    }
}
