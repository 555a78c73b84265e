package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.tensor.HalfPrecision;
import ai.sparktron.trainer.tensor.SafetensorsFolder;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.tensor.TensorEntry;
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
     * @param name   in the files; of the shape of the slice's tensor
     * @param target of the slice's shape
     * @throws IllegalArgumentException when the tensor is quantised, or holds NaN or infinity
     */
    void load(SafetensorsFolder folder, String name, TensorSlice slice, Tensor target) throws IOException {
        TensorEntry entry = folder.entry(name);
        switch (entry.dtype()) {
            case F64, F32, BF16, F16 -> { }
            case F8_E4M3, F8_E5M2, I64, I32, I16, U8, BOOL -> throw new IllegalArgumentException(folder.file(name).file() + ": tensor " + name + " has type "
                    + entry.dtype() + "; expected F32, BF16, F16 or F64: use a copy of the model that is not quantised");
        }
        boolean wholeRows = slice.columns() == slice.tensor().columns();
        if (wholeRows) {
            loadRun(folder, name, slice.firstRow() * slice.columns() + slice.firstColumn(), flat(target), 0, slice.elements());
        } else {
            for (long row = 0; row < slice.rows(); row++) {
                loadRun(folder, name, (slice.firstRow() + row) * slice.tensor().columns() + slice.firstColumn(), flat(target), row * slice.columns(),
                        slice.columns());
            }
        }
    }

    private static Tensor flat(Tensor tensor) {
        return tensor.reshape(Shape.of(tensor.elements()));
    }

    /** Elements from {@code from} of the file's tensor to elements from {@code to} of the target. */
    private void loadRun(SafetensorsFolder folder, String name, long from, Tensor target, long to, long count) throws IOException {
        for (long done = 0; done < count; done += PIECE) {
            int now = (int) Math.min(PIECE, count - done);
            float[] values = folder.readFloats(name, from + done, now);
            requireFinite(values, folder, name, from + done);
            bytes.clear();
            if (target.dtype().sizeBytes() > Float.BYTES) {
                throw new IllegalStateException("weights into " + target + ": expected F32, BF16 or F16 parameters");
            }
            HalfPrecision.encode(target.dtype(), values, 0, now, bytes);
            engine.write(target.rows(to + done, now), bytes.flip());
        }
    }

    private static void requireFinite(float[] values, SafetensorsFolder folder, String name, long from) {
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException(folder.file(name).file() + ": tensor " + name + " holds " + values[i] + " at element " + (from + i) + " of "
                        + folder.entry(name).shape() + "; the weights are damaged, fetch or save them again");
            }
        }
    }
}
