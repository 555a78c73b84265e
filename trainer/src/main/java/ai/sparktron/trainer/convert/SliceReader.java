package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Reads the part of a file's tensor that a rank holds, a piece at a time, converting from any floating-point type. */
final class SliceReader {

    /** Elements read at a time. */
    private static final int PIECE = 1 << 22;

    private final Engine engine;
    private final ByteBuffer bytes = ByteBuffer.allocateDirect(PIECE * Float.BYTES).order(ByteOrder.nativeOrder());

    SliceReader(Engine engine) {
        this.engine = engine;
    }

    /**
     * Fills a tensor.
     *
     * @param stored of the shape of the slice's tensor
     * @param target of the slice's shape
     * @throws IllegalArgumentException when it holds NaN or infinity
     */
    void load(StoredTensor stored, TensorSlice slice, Tensor target) throws IOException {
        load(stored, slice, EngineNumbers.of(engine, target.reshape(Shape.of(target.elements()))), 0);
    }

    /** As the other, into numbers from {@code start} on. */
    void load(StoredTensor stored, TensorSlice slice, StoredNumbers target, long start) throws IOException {
        boolean wholeRows = slice.columns() == slice.tensor().columns();
        if (wholeRows) {
            loadRun(stored, slice, slice.firstRow() * slice.columns() + slice.firstColumn(), target, start, slice.elements());
        } else {
            for (long row = 0; row < slice.rows(); row++) {
                loadRun(stored, slice, (slice.firstRow() + row) * slice.tensor().columns() + slice.firstColumn(), target,
                        start + row * slice.columns(), slice.columns());
            }
        }
    }

    /** Elements from {@code from} of the file's tensor to numbers from {@code to} of the target. */
    private void loadRun(StoredTensor stored, TensorSlice slice, long from, StoredNumbers target, long to, long count) throws IOException {
        for (long done = 0; done < count; done += PIECE) {
            int now = (int) Math.min(PIECE, count - done);
            float[] values = stored.read(from + done, now);
            requireFinite(values, stored, slice, from + done);
            bytes.clear().limit(now * Float.BYTES);
            bytes.asFloatBuffer().put(values, 0, now);
            target.write(to + done, bytes);
        }
    }

    private static void requireFinite(float[] values, StoredTensor stored, TensorSlice slice, long from) {
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException(stored.where() + " holds " + values[i] + " at element " + (from + i) + " of "
                        + slice.tensor().shape() + "; the weights are damaged, fetch or save them again");
            }
        }
    }
}
