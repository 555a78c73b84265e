package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Tensor;

/** Element by element: {@code elementwise.cu} and {@code bits.cu}. Each kernel moves its operands' bytes once and its result's once. */
final class ElementwiseKernels {

    private final Grid grid;
    private final Variants add;
    private final Variants addScaled;
    private final Variants scale;
    private final Variants convert;
    private final Variants addBias;
    private final Variants move;
    private final Variants fill;

    ElementwiseKernels(CudaDevice device, Modules modules) {
        this.grid = new Grid(device.multiprocessors());
        this.add = modules.variants("elementwise.cu", "add");
        this.addScaled = modules.variants("elementwise.cu", "addScaled");
        this.scale = modules.variants("elementwise.cu", "scale");
        this.convert = modules.variants("elementwise.cu", "convert");
        this.addBias = modules.variants("elementwise.cu", "addBias");
        this.move = modules.variants("bits.cu", "move");
        this.fill = modules.variants("bits.cu", "fill");
    }

    /** Three tensors' bytes. */
    void add(Tensor a, Tensor b, Tensor out) {
        grid.over(a, Grid.lanes(a)).with(a).with(b).with(out);
        grid.launch(add.of(a.dtype(), grid.lanes()).matrix(a).matrix(b).matrix(out));
    }

    /** The bytes of x and twice those of y. */
    void addScaled(float factor, Tensor x, Tensor y) {
        grid.over(x, Grid.lanes(x, y)).with(x).with(y);
        grid.launch(addScaled.of(x.dtype(), y.dtype(), grid.lanes()).real(factor).matrix(x).matrix(y));
    }

    /** Twice the tensor's bytes. */
    void scale(Tensor x, float factor) {
        grid.over(x, Grid.lanes(x)).with(x);
        grid.launch(scale.of(x.dtype(), grid.lanes()).matrix(x).real(factor));
    }

    /** The bytes of both. */
    void copy(Tensor x, Tensor out) {
        grid.over(x, Grid.lanes(x, out)).with(x).with(out);
        boolean same = x.dtype() == out.dtype();
        grid.launch((same ? move.ofBits(x.dtype(), grid.lanes()) : convert.of(x.dtype(), out.dtype(), grid.lanes())).matrix(x).matrix(out));
    }

    /** The tensor's bytes. */
    void fill(Tensor x, float value) {
        grid.over(x, Grid.lanes(x)).with(x);
        grid.launch(fill.ofBits(x.dtype(), grid.lanes()).matrix(x).longInteger(bits(x.dtype(), value)));
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

    /** Twice the bytes of x. */
    void addBias(Tensor x, Tensor bias) {
        grid.overRows(x.rows(), x.columns(), Grid.lanes(x)).with(x).with(bias);
        grid.launch(addBias.of(x.dtype(), grid.lanes()).matrix(x).pointer(bias));
    }
}
