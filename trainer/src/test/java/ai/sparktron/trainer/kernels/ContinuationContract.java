package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a step of continuation has of its own, as {@link Kernels} promises it. */
abstract class ContinuationContract extends EngineFixture {

    private static final int CAPACITY = 150;

    /** Heads, key/value heads, sizes of key and value heads, places of the new tokens, reach. */
    static Stream<Arguments> steps() {
        return Stream.of(
                Arguments.of("first token", new AttentionShape(2, 2, 8, 8, 0.3f), new int[] {0}, 1),
                Arguments.of("grouped queries, several sequences", new AttentionShape(6, 2, 16, 16, 0.25f), new int[] {149, 0, 64, 63}, CAPACITY),
                Arguments.of("planned for longer ones", new AttentionShape(7, 1, 32, 32, 0.2f), new int[] {3, 17}, 130),
                Arguments.of("one share", new AttentionShape(4, 4, 8, 8, 0.3f), new int[] {63, 5}, 64),
                Arguments.of("more heads than go together", new AttentionShape(22, 2, 8, 8, 0.3f), new int[] {70}, 128),
                Arguments.of("latent sizes", new AttentionShape(2, 2, 24, 16, 0.2f), new int[] {99}, CAPACITY),
                Arguments.of("odd sizes", new AttentionShape(3, 1, 7, 5, 0.4f), new int[] {100, 2}, CAPACITY));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("steps")
    void aStepAttendsToItsCacheAndIsAddedToIt(String name, AttentionShape shape, int[] places, int reach) {
        for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            if (!engine.supports(dtype)) {
                continue;
            }
            int sequences = places.length;
            int keyColumns = shape.kvHeads() * shape.keySize();
            int valueColumns = shape.kvHeads() * shape.valueSize();
            Twin positions = ints("positions", places);
            Twin merged = twin("qkv", dtype, Rows.PLAIN, sequences, shape.heads() * shape.keySize() + keyColumns + valueColumns,
                    normals(sequences * (shape.heads() * shape.keySize() + keyColumns + valueColumns)));
            Twin keys = cache("keys", dtype, places, keyColumns);
            Twin values = cache("values", dtype, places, valueColumns);
            Twin out = twin("out", dtype, Rows.STRIDED, sequences, shape.heads() * shape.valueSize(), new float[sequences * shape.heads() * shape.valueSize()]);
            long first = (long) shape.heads() * shape.keySize();
            both((kernels, side) -> kernels.cachedAttention(side.of(merged).columns(0, first), side.of(merged).columns(first, keyColumns),
                    side.of(merged).columns(first + keyColumns, valueColumns), shape, side.of(positions), reach, side.of(keys), side.of(values), side.of(out)));
            out.check("cachedAttention " + dtype, dtype == DType.F32 ? 1e-5 : dtype == DType.BF16 ? 2e-2 : 3e-3);
            keys.check("keys with the new one", 0);
            values.check("values with the new one", 0);
        }
    }

    /** [B*C, columns] whose places behind the new token hold NaN: nothing may read them. */
    private Twin cache(String name, DType dtype, int[] places, int columns) {
        float[] numbers = normals(places.length * CAPACITY * columns);
        for (int sequence = 0; sequence < places.length; sequence++) {
            Arrays.fill(numbers, (sequence * CAPACITY + places[sequence]) * columns, (sequence + 1) * CAPACITY * columns, Float.NaN);
        }
        return twin(name, dtype, Rows.PLAIN, places.length * CAPACITY, columns, numbers);
    }

    @Test
    void aCacheTooSmallForWhatIsPlannedIsRefused() {
        Twin row = normal("row", 1, 8);
        Twin cache = normal("cache", 4, 8);
        Twin other = normal("other cache", 4, 8);
        Twin out = normal("out", 1, 8);
        Twin positions = ints("positions", 2);
        IllegalStateException refused = assertThrows(IllegalStateException.class, () -> engine.kernels().cachedAttention(row.mine, row.mine, row.mine,
                new AttentionShape(1, 1, 8, 8, 1), positions.mine, 5, cache.mine, other.mine, out.mine));
        assertTrue(refused.getMessage().contains("reach 5"), refused.getMessage());
    }

    @Test
    void theLikeliestOfEachRow() {
        for (int columns : new int[] {1, 7, 1000, 5003}) {
            float[] logits = normals(4 * columns);
            Arrays.fill(logits, 2 * columns, 3 * columns, Float.NEGATIVE_INFINITY);
            logits[columns + columns / 2] = 9;
            logits[columns + columns - 1] = 9;
            logits[4 * columns - 1] = Float.NaN;
            Twin rows = twin("logits", DType.F32, Rows.STRIDED, 4, columns, logits);
            Twin ids = ints("ids", 5, 5, 5, 5);
            both((kernels, side) -> kernels.likeliest(side.of(rows), side.of(ids)));
            int[] expected = integers(reference, ids.expected);
            assertArrayEquals(new int[] {columns / 2, 0, -1}, Arrays.copyOfRange(expected, 1, 4), "the first of equals, no number at all, a NaN");
            assertArrayEquals(expected, integers(engine, ids.mine), columns + " columns");
        }
    }

    private static int[] integers(Engine engine, Tensor tensor) {
        ByteBuffer bytes = ByteBuffer.allocate((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        int[] values = new int[(int) tensor.elements()];
        bytes.clear().asIntBuffer().get(values);
        return values;
    }
}
