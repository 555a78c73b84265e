package ai.sparktron.trainer.kernels.cuda;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.cudnn;

/**
 * Operations of cuDNN on tensors of four dimensions, put together one after the other. cuDNN knows some sequences as a whole, such as attention, and runs each of
 * them as one kernel; it knows them only by their exact order, types and strides. Virtual tensors exist only between two operations.
 *
 * <p>Nothing here needs a GPU.
 */
final class CudnnGraph implements AutoCloseable {

    static final int FLOAT = cudnn.CUDNN_DATA_FLOAT;
    static final int INTEGER = cudnn.CUDNN_DATA_INT32;
    static final int LONG = cudnn.CUDNN_DATA_INT64;
    static final int BOOLEAN = cudnn.CUDNN_DATA_BOOLEAN;

    private static final long ALIGNMENT_BYTES = 16;
    private static final long[] ONE = {1, 1, 1, 1};

    private final List<CudnnDescriptor> made = new ArrayList<>();
    private final List<CudnnDescriptor> operations = new ArrayList<>();
    private final List<Operand> bound = new ArrayList<>();
    private int lastId;

    /**
     * A tensor of the graph.
     *
     * @param id         by which its memory is given at a run
     * @param type       one of cuDNN's CUDNN_DATA_...
     * @param dimensions batch, heads, rows, columns
     * @param strides    in elements
     * @param value      of a scalar that the host holds; NaN for others
     */
    record Operand(String name, long id, int type, long[] dimensions, long[] strides, float value, CudnnDescriptor descriptor) {
        boolean isScalar() {
            return !Float.isNaN(value);
        }
    }

    private <T extends CudnnDescriptor> T keep(T descriptor) {
        made.add(descriptor);
        return descriptor;
    }

    private CudnnDescriptor describe(String name, int type, long[] dimensions, long[] strides, long id) {
        return keep(new CudnnDescriptor(cudnn.CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor " + name)).dataType(cudnn.CUDNN_ATTR_TENSOR_DATA_TYPE, type)
                .longs(cudnn.CUDNN_ATTR_TENSOR_DIMENSIONS, dimensions).longs(cudnn.CUDNN_ATTR_TENSOR_STRIDES, strides)
                .longs(cudnn.CUDNN_ATTR_TENSOR_UNIQUE_ID, id).longs(cudnn.CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, ALIGNMENT_BYTES);
    }

    private Operand bind(String name, int type, long[] dimensions, long[] strides, float value, CudnnDescriptor descriptor) {
        Operand operand = new Operand(name, lastId, type, dimensions, strides, value, descriptor.finish());
        bound.add(operand);
        return operand;
    }

    /** A tensor in the device's memory. */
    Operand tensor(String name, int type, long[] dimensions, long[] strides) {
        return bind(name, type, dimensions, strides, Float.NaN, describe(name, type, dimensions, strides, ++lastId));
    }

    /** A tensor in the device's memory whose parts of the batch begin at given elements; null offsets: at multiples of the batch's stride. */
    Operand tensor(String name, int type, long[] dimensions, long[] strides, Operand offsets) {
        CudnnDescriptor descriptor = describe(name, type, dimensions, strides, ++lastId);
        if (offsets != null) {
            descriptor.descriptors(cudnn.CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC, offsets.descriptor());
        }
        return bind(name, type, dimensions, strides, Float.NaN, descriptor);
    }

    /** A number that the host hands over with each run. */
    Operand scalar(String name, float value) {
        CudnnDescriptor descriptor = describe(name, FLOAT, ONE, ONE, ++lastId).yes(cudnn.CUDNN_ATTR_TENSOR_IS_BY_VALUE);
        return bind(name, FLOAT, ONE, ONE, value, descriptor);
    }

    /** A tensor between two operations. */
    Operand virtual(String name, int type, long[] dimensions, long[] strides) {
        return virtual(name, type, dimensions, strides, null);
    }

    /** As {@link #virtual(String, int, long[], long[])}, a view of a tensor with such offsets. */
    Operand virtual(String name, int type, long[] dimensions, long[] strides, Operand offsets) {
        CudnnDescriptor descriptor = describe(name, type, dimensions, strides, ++lastId).yes(cudnn.CUDNN_ATTR_TENSOR_IS_VIRTUAL);
        if (offsets != null) {
            descriptor.descriptors(cudnn.CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC, offsets.descriptor());
        }
        return new Operand(name, lastId, type, dimensions, strides, Float.NaN, descriptor.finish());
    }

    private Operand like(Operand x, String name, int type) {
        return virtual(name, type, x.dimensions(), x.strides());
    }

    /** Lengths of the parts of a batch that a product goes by, instead of what its tensors say; null: as they say. */
    record Lengths(Operand rows, Operand columns, Operand inner) {
        static final Lengths ALL = new Lengths(null, null, null);
    }

    /** out = a b. */
    void product(String name, Operand a, Operand b, Lengths lengths, Operand out) {
        CudnnDescriptor kind = keep(new CudnnDescriptor(cudnn.CUDNN_BACKEND_MATMUL_DESCRIPTOR, name)).dataType(cudnn.CUDNN_ATTR_MATMUL_COMP_TYPE, FLOAT).finish();
        CudnnDescriptor operation = new CudnnDescriptor(cudnn.CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, "product " + name)
                .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_ADESC, a.descriptor()).descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_BDESC, b.descriptor())
                .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_CDESC, out.descriptor()).descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_DESC, kind);
        length(operation, cudnn.CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, lengths.rows());
        length(operation, cudnn.CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, lengths.columns());
        length(operation, cudnn.CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, lengths.inner());
        add(operation);
    }

    private static void length(CudnnDescriptor operation, int attribute, Operand length) {
        if (length != null) {
            operation.descriptors(attribute, length.descriptor());
        }
    }

    private void add(CudnnDescriptor operation) {
        operations.add(keep(operation).finish());
    }

    /** Element by element, in float32: mode(x, b), of the shape of x. @param mode one of cuDNN's CUDNN_POINTWISE_... */
    Operand each(String name, int mode, Operand x, Operand... others) {
        return each(name, mode, FLOAT, like(x, name, FLOAT), x, others);
    }

    /** As {@link #each(String, int, Operand, Operand...)}, computed in a type and with a result of that type. */
    Operand eachIn(int type, String name, int mode, Operand x, Operand... others) {
        return each(name, mode, type, like(x, name, type), x, others);
    }

    /** As above, into a tensor. */
    Operand each(String name, int mode, int computeType, Operand out, Operand x, Operand... others) {
        CudnnDescriptor kind = pointwise(name, mode, computeType).finish();
        return operate(name, kind, out, x, others);
    }

    private CudnnDescriptor pointwise(String name, int mode, int computeType) {
        return keep(new CudnnDescriptor(cudnn.CUDNN_BACKEND_POINTWISE_DESCRIPTOR, name))
                .integer(cudnn.CUDNN_ATTR_POINTWISE_MODE, cudnn.CUDNN_TYPE_POINTWISE_MODE, mode).dataType(cudnn.CUDNN_ATTR_POINTWISE_MATH_PREC, computeType);
    }

    /** Each element's index along a dimension of x. */
    Operand index(String name, Operand x, int dimension, int computeType) {
        CudnnDescriptor kind = pointwise(name, cudnn.CUDNN_POINTWISE_GEN_INDEX, computeType).longs(cudnn.CUDNN_ATTR_POINTWISE_AXIS, dimension).finish();
        return operate(name, kind, like(x, name, INTEGER), x);
    }

    private Operand operate(String name, CudnnDescriptor kind, Operand out, Operand x, Operand... others) {
        CudnnDescriptor operation = new CudnnDescriptor(cudnn.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "operation " + name)
                .descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind)
                .descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x.descriptor()).descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out.descriptor());
        if (others.length > 0) {
            operation.descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_BDESC, others[0].descriptor());
        }
        if (others.length > 1) {
            operation.descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_TDESC, others[1].descriptor());
        }
        add(operation.real(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1).real(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1));
        return out;
    }

    /** Reduces x to the shape of {@code out}, in float32. @param operator one of cuDNN's CUDNN_REDUCE_TENSOR_... */
    Operand reduce(String name, int operator, Operand x, Operand out) {
        CudnnDescriptor kind = keep(new CudnnDescriptor(cudnn.CUDNN_BACKEND_REDUCTION_DESCRIPTOR, name)).dataType(cudnn.CUDNN_ATTR_REDUCTION_COMP_TYPE, FLOAT)
                .integer(cudnn.CUDNN_ATTR_REDUCTION_OPERATOR, cudnn.CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, operator).finish();
        add(new CudnnDescriptor(cudnn.CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, "reduction " + name)
                .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_DESC, kind).descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x.descriptor())
                .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_YDESC, out.descriptor()));
        return out;
    }

    /** The elements of x under the shape, strides and type of {@code out}. */
    Operand reshape(String name, Operand x, Operand out) {
        add(new CudnnDescriptor(cudnn.CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, "view " + name)
                .descriptors(cudnn.CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x.descriptor()).descriptors(cudnn.CUDNN_ATTR_OPERATION_RESHAPE_YDESC, out.descriptor()));
        return out;
    }

    /** Tensors and scalars that a run must be given, in the order in which they were made. */
    List<Operand> bound() {
        return bound;
    }

    CudnnDescriptor[] operations() {
        return operations.toArray(CudnnDescriptor[]::new);
    }

    @Override
    public void close() {
        for (int i = made.size() - 1; i >= 0; i--) {
            made.get(i).close();
        }
    }
}
