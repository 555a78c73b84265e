package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.model.TensorSpec;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.Predicate;

/**
 * Tensors that lie on several ranks, whole or cut, put together a piece at a time: no rank ever holds more than the piece asked for and the rows that it touches. Every rank of the
 * group makes the same calls and gets the same numbers.
 */
public final class GatheredWeights implements WeightSource {

    /** Every member's bytes, in rank order, on every member. */
    @FunctionalInterface
    public interface Exchange {
        List<byte[]> allGather(byte[] own);
    }

    private static final int HEADER_BYTES = 4 * Long.BYTES;

    private final Engine engine;
    private final Exchange exchange;
    private final Map<String, Held> held = new HashMap<>();

    private record Held(TensorSlice slice, Tensor part) {
    }

    private GatheredWeights(Engine engine, Exchange exchange) {
        this.engine = engine;
        this.exchange = exchange;
    }

    /**
     * Values of all parameters.
     *
     * @param exchange  among ranks that hold every parameter together
     * @param answerers parameters that this rank gives: each element of the model is given by one rank
     */
    public static GatheredWeights values(Parameters parameters, Engine engine, Exchange exchange, Predicate<Parameter> answerers) {
        GatheredWeights weights = new GatheredWeights(engine, exchange);
        parameters.all().stream().filter(answerers).forEach(parameter -> weights.add(parameter, parameter::part));
        return weights;
    }

    /** Gradients of the trained parameters; as {@link #values}. */
    public static GatheredWeights gradients(Parameters parameters, Engine engine, Exchange exchange, Predicate<Parameter> answerers) {
        GatheredWeights weights = new GatheredWeights(engine, exchange);
        parameters.all().stream().filter(Parameter::isTrained).filter(answerers).forEach(parameter -> weights.add(parameter, parameter::partGradient));
        return weights;
    }

    private void add(Parameter parameter, IntFunction<Tensor> part) {
        for (int i = 0; i < parameter.slices().size(); i++) {
            TensorSlice slice = parameter.slices().get(i);
            held.put(slice.tensor().name(), new Held(slice, part.apply(i)));
        }
    }

    @Override
    public float[] read(TensorSpec tensor, long from, int count) {
        Held own = held.get(tensor.name());
        float[] piece = new float[count];
        long placed = 0;
        for (byte[] theirs : exchange.allGather(own == null ? new byte[0] : rowsTouched(own, from, count))) {
            placed += theirs.length == 0 ? 0 : place(ByteBuffer.wrap(theirs), tensor, from, piece);
        }
        if (placed != count) {
            throw new IllegalStateException("elements " + from + "+" + count + " of " + tensor.name() + ": the group's ranks hold " + placed
                    + " of them together, expected each once");
        }
        return piece;
    }

    /** First row, rows, first column, columns, then the float32 elements of the rows of this rank's slice that hold elements of the piece. */
    private byte[] rowsTouched(Held own, long from, int count) {
        TensorSlice slice = own.slice();
        long columns = slice.tensor().columns();
        long firstRow = Math.max(slice.firstRow(), from / columns);
        long endRow = Math.min(slice.firstRow() + slice.rows(), (from + count - 1) / columns + 1);
        int rows = Math.toIntExact(Math.max(0, endRow - firstRow));
        int elements = Math.toIntExact(rows * slice.columns());
        ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES + elements * Float.BYTES);
        out.putLong(firstRow).putLong(rows).putLong(slice.firstColumn()).putLong(slice.columns());
        if (rows > 0) {
            Tensor flat = own.part().reshape(Shape.of(own.part().elements()));
            Tensor touched = flat.rows((firstRow - slice.firstRow()) * slice.columns(), elements);
            ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(touched.sizeBytes())).order(ByteOrder.nativeOrder());
            engine.read(touched, bytes);
            bytes.position(0).limit(bytes.capacity());
            float[] values = new float[elements];
            HalfPrecision.decode(touched.dtype(), bytes, values, 0, elements);
            out.asFloatBuffer().put(values);
        }
        return out.array();
    }

    /** Copies what lies in the piece. @return number of elements */
    private static long place(ByteBuffer in, TensorSpec tensor, long from, float[] piece) {
        long firstRow = in.getLong();
        long rows = in.getLong();
        long firstColumn = in.getLong();
        long columns = in.getLong();
        FloatBuffer values = in.asFloatBuffer();
        long placed = 0;
        for (long row = 0; row < rows; row++) {
            long start = (firstRow + row) * tensor.columns() + firstColumn;
            long low = Math.max(start, from);
            long high = Math.min(start + columns, from + piece.length);
            if (low < high) {
                values.position((int) (row * columns + low - start));
                values.get(piece, (int) (low - from), (int) (high - low));
                placed += high - low;
            }
        }
        return placed;
    }
}
