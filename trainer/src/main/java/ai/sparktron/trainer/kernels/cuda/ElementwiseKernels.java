package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;

/** Element by element, each tensor read once and written once: {@code elementwise.cu} and {@code feedforward.cu}. */
final class ElementwiseKernels {

    private static final int VECTOR_BYTES = 16;
    /** Elements of a thread where two types meet. */
    private static final int MIXED_ELEMENTS = 8;

    private final Grid grid;
    private final Modules.Versions add;
    private final Modules.Versions addScaled;
    private final Modules.Versions scale;
    private final Modules.Versions convert;
    private final Modules.Versions move;
    private final Modules.Versions fill;
    private final Modules.Versions addBias;
    private final Modules.Versions swiGlu;
    private final Modules.Versions swiGluGrad;

    ElementwiseKernels(CudaDevice device, Modules modules) {
        this.grid = new Grid(device.multiprocessors());
        this.add = modules.versions("elementwise.cu", "add");
        this.addScaled = modules.versions("elementwise.cu", "addScaled");
        this.scale = modules.versions("elementwise.cu", "scale");
        this.convert = modules.versions("elementwise.cu", "convert");
        this.move = modules.versions("elementwise.cu", "move");
        this.fill = modules.versions("elementwise.cu", "fill");
        this.addBias = modules.versions("elementwise.cu", "addBias");
        this.swiGlu = modules.versions("feedforward.cu", "swiGlu");
        this.swiGluGrad = modules.versions("feedforward.cu", "swiGluGrad");
    }

    /** Elements that a thread of the vector version moves. */
    static int elements(DType dtype) {
        return VECTOR_BYTES / dtype.sizeBytes();
    }

    private void launch(Kernel kernel) {
        kernel.longInteger(grid.rows).longInteger(grid.columns).launch(grid.x, grid.y, 1, grid.threads, 0);
    }

    void add(Tensor a, Tensor b, Tensor out) {
        int elements = elements(a.dtype());
        grid.over(a).with(a, elements).with(b, elements).with(out, elements).lay(elements);
        launch(add.of(a.dtype(), grid.vector).matrix(a).matrix(b).matrix(out));
    }

    void addScaled(float factor, Tensor x, Tensor y) {
        int elements = x.dtype() == DType.F32 ? elements(DType.F32) : MIXED_ELEMENTS;
        grid.over(x).with(x, elements).with(y, elements).lay(elements);
        launch(addScaled.of(x.dtype(), y.dtype(), grid.vector).real(factor).matrix(x).matrix(y));
    }

    void scale(Tensor x, float factor) {
        int elements = elements(x.dtype());
        grid.over(x).with(x, elements).lay(elements);
        launch(scale.of(x.dtype(), grid.vector).matrix(x).real(factor));
    }

    void copy(Tensor x, Tensor out) {
        if (x.dtype() == out.dtype()) {
            int elements = elements(x.dtype());
            grid.over(x).with(x, elements).with(out, elements).lay(elements);
            launch(move.bytes(x.dtype().sizeBytes(), grid.vector).matrix(x).matrix(out));
        } else {
            grid.over(x).with(x, MIXED_ELEMENTS).with(out, MIXED_ELEMENTS).lay(MIXED_ELEMENTS);
            launch(convert.of(x.dtype(), out.dtype(), grid.vector).matrix(x).matrix(out));
        }
    }

    void fill(Tensor x, float value) {
        int elements = elements(x.dtype());
        grid.over(x).with(x, elements).lay(elements);
        launch(fill.bytes(x.dtype().sizeBytes(), grid.vector).matrix(x).longInteger(bits(x.dtype(), value)));
    }

    private static long bits(DType dtype, float value) {
        return switch (dtype) {
            case F64 -> Double.doubleToRawLongBits(value);
            case F32 -> Integer.toUnsignedLong(Float.floatToRawIntBits(value));
            case BF16 -> Short.toUnsignedLong(HalfPrecision.toBfloat16(value));
            case F16 -> Short.toUnsignedLong(HalfPrecision.toFloat16(value));
            case I32 -> Integer.toUnsignedLong((int) value);
            case F8_E4M3, F8_E5M2, I64, I16, U8, BOOL -> throw new IllegalStateException("fill of " + dtype);
        };
    }

    void addBias(Tensor x, Tensor bias) {
        int elements = elements(x.dtype());
        grid.over(x).with(x, elements).withRow(bias, elements).lay(elements);
        launch(addBias.of(x.dtype(), grid.vector).matrix(x).pointer(bias));
    }

    void swiGlu(Tensor gateUp, Tensor out) {
        int elements = elements(out.dtype());
        // Gate and up begin a row's half apart, so rows stay rows.
        grid.over(out.rows(), out.columns()).with(gateUp, elements).with(out, elements).lay(elements);
        launch(swiGlu.of(out.dtype(), grid.vector).matrix(gateUp).matrix(out));
    }

    void swiGluGrad(Tensor dOut, Tensor gateUp, Tensor dGateUp) {
        int elements = elements(dOut.dtype());
        grid.over(dOut.rows(), dOut.columns()).with(dOut, elements).with(gateUp, elements).with(dGateUp, elements).lay(elements);
        launch(swiGluGrad.of(dOut.dtype(), grid.vector).matrix(dOut).matrix(gateUp).matrix(dGateUp));
    }
}
