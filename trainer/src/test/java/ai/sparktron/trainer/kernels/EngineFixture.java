package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * An engine under test beside the reference engine, with the same numbers in both. A {@link Twin} is a pair of tensors; a strided twin is a range of
 * columns of a wider pair whose other columns must stay as they are.
 */
abstract class EngineFixture {

    static final float UNTOUCHED = 77.5f;

    Engine engine;
    private StackArena arena;
    private StackArena referenceArena;
    Arena.Frame frame;
    private Arena.Frame referenceFrame;
    final Engine reference = new ReferenceEngine();
    final Random random = new Random(20260101);

    /** The engine whose kernels are tested. */
    abstract Engine openEngine();

    @BeforeEach
    void open() {
        engine = openEngine();
        arena = StackArena.growing("test", engine.memory(), 1 << 20);
        referenceArena = StackArena.growing("reference", reference.memory(), 1 << 20);
        frame = arena.open("test");
        referenceFrame = referenceArena.open("test");
    }

    @AfterEach
    void close() {
        frame.close();
        referenceFrame.close();
        arena.close();
        referenceArena.close();
        engine.close();
    }

    /** Where the reference's tensors are. */
    Arena.Frame referenceFrame() {
        return referenceFrame;
    }

    /** How a twin's rows lie. */
    enum Rows {
        PLAIN, STRIDED
    }

    final class Twin {
        final Tensor mine;
        final Tensor expected;
        private final Tensor myParent;
        private final Tensor expectedParent;
        private final int firstColumn;

        Twin(Tensor myParent, Tensor expectedParent, int firstColumn, int columns) {
            this.myParent = myParent;
            this.expectedParent = expectedParent;
            this.firstColumn = firstColumn;
            boolean whole = myParent.shape().rank() != 2 || columns == myParent.columns();
            this.mine = whole ? myParent : myParent.columns(firstColumn, columns);
            this.expected = whole ? expectedParent : expectedParent.columns(firstColumn, columns);
        }

        /** Largest magnitude of the expected numbers. */
        float magnitude() {
            float largest = 0;
            float[] values = TestTensors.read(reference, expectedParent);
            for (int i = 0; i < values.length; i++) {
                if (inside(i) && Float.isFinite(values[i])) {
                    largest = Math.max(largest, Math.abs(values[i]));
                }
            }
            return largest;
        }

        private boolean inside(int index) {
            int column = (int) (index % myParent.columns());
            return column >= firstColumn && column < firstColumn + mine.columns();
        }

        /** Every number within {@code tolerance} of the reference's; neighbours of a strided twin untouched. */
        void check(String what, double tolerance) {
            float[] values = TestTensors.read(engine, myParent);
            float[] wanted = TestTensors.read(reference, expectedParent);
            for (int i = 0; i < values.length; i++) {
                int at = i;
                if (inside(i)) {
                    assertTrue(values[i] == wanted[i] || Math.abs(values[i] - wanted[i]) <= tolerance || Float.isNaN(values[i]) && Float.isNaN(wanted[i]),
                            () -> what + " " + mine + " element " + at + ": " + values[at] + ", expected " + wanted[at] + " within " + tolerance);
                } else {
                    assertEquals(UNTOUCHED, values[i], () -> what + " " + mine + ": element " + at + " outside its columns was written");
                }
            }
        }

        /** Within {@code factor} float32 roundings of the largest number, or of 1, which is what operands are like. */
        void checkRelative(String what, double factor) {
            check(what, factor * 1.2e-7 * Math.max(magnitude(), 1));
        }
    }

    Twin twin(String name, DType dtype, Rows rows, int rowCount, int columns, float... values) {
        int before = rows == Rows.STRIDED ? 3 : 0;
        int parentColumns = columns + (rows == Rows.STRIDED ? 3 + 5 : 0);
        float[] all = new float[rowCount * parentColumns];
        java.util.Arrays.fill(all, UNTOUCHED);
        for (int r = 0; r < rowCount; r++) {
            System.arraycopy(values, r * columns, all, r * parentColumns + before, columns);
        }
        long[] shape = {rowCount, parentColumns};
        return new Twin(TestTensors.of(engine, frame, name, dtype, shape, all), TestTensors.of(reference, referenceFrame, name, dtype, shape, all),
                before, columns);
    }

    /** Normal numbers. */
    Twin normal(String name, Rows rows, int rowCount, int columns) {
        return twin(name, DType.F32, rows, rowCount, columns, normals(rowCount * columns));
    }

    Twin normal(String name, int rowCount, int columns) {
        return normal(name, Rows.PLAIN, rowCount, columns);
    }

    float[] normals(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    Twin vector(String name, float... values) {
        long[] shape = {values.length};
        return new Twin(TestTensors.floats(engine, frame, name, shape, values), TestTensors.floats(reference, referenceFrame, name, shape, values), 0,
                values.length);
    }

    Twin normalVector(String name, int size) {
        return vector(name, normals(size));
    }

    Twin ints(String name, int... values) {
        return new Twin(TestTensors.ints(engine, frame, name, values), TestTensors.ints(reference, referenceFrame, name, values), 0, values.length);
    }

    int[] randomInts(int count, int below) {
        return random.ints(count, 0, below).toArray();
    }

    /** The same layout on both engines. */
    record LayoutTwin(TokenLayout mine, TokenLayout expected) {
    }

    LayoutTwin layout(int[] documents, int[] positions) {
        return new LayoutTwin(TestTensors.layout(engine, frame, documents, positions),
                TestTensors.layout(reference, referenceFrame, documents, positions));
    }

    LayoutTwin wholeDocuments(int... lengths) {
        return new LayoutTwin(TestTensors.documents(engine, frame, lengths), TestTensors.documents(reference, referenceFrame, lengths));
    }

    /** Runs a kernel on the engine under test and on the reference; the function picks this side's tensor of a twin. */
    void both(BiConsumer<Kernels, Side> call) {
        call.accept(engine.kernels(), new Side(true));
        call.accept(reference.kernels(), new Side(false));
    }

    /** One of the two engines. */
    record Side(boolean mine) {
        Tensor of(Twin twin) {
            return twin == null ? null : mine ? twin.mine : twin.expected;
        }

        TokenLayout of(LayoutTwin twin) {
            return mine ? twin.mine() : twin.expected();
        }
    }
}
