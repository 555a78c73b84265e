package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.Fp8Kernels.Outlook;
import ai.sparktron.trainer.kernels.Fp8Kernels.Sums;
import ai.sparktron.trainer.kernels.Quantised.Blocks;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Float8;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link Fp8Kernels} as they promise: quantised matrices to the bit, products within the rounding of their sums. */
abstract class Fp8KernelsContract extends EngineFixture {

    private static final double EIGHT_BIT_SUMS = 0x1p-11;
    private static final int[][] SIZES = {{1, 1}, {5, 7}, {16, 16}, {129, 144}, {140, 260}};

    /** A quantised matrix on both engines. */
    private record Pair(Quantised mine, Quantised expected) {
        Quantised of(Side side) {
            return side.mine() ? mine : expected;
        }
    }

    private void fp8(BiConsumer<Fp8Kernels, Side> call) {
        both((kernels, side) -> call.accept(kernels.fp8(), side));
    }

    private Pair rows(DType type, long rows, long columns, Blocks blocks) {
        return new Pair(Quantised.allocate(frame, "rows", type, rows, columns, blocks), Quantised.allocate(referenceFrame(), "rows", type, rows, columns, blocks));
    }

    private Pair turned(DType type, long rows, long columns, Blocks blocks) {
        return new Pair(Quantised.allocateTurned(frame, "turned", type, rows, columns, blocks),
                Quantised.allocateTurned(referenceFrame(), "turned", type, rows, columns, blocks));
    }

    private static byte[] bytes(Engine engine, Tensor tensor) {
        byte[] bytes = new byte[(int) tensor.sizeBytes()];
        engine.read(tensor, ByteBuffer.wrap(bytes));
        return bytes;
    }

    /** NaNs of either sign are one. */
    private static float[] numbers(Engine engine, Tensor elements) {
        byte[] bytes = bytes(engine, elements);
        float[] numbers = new float[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            float number = Float8.decode(elements.dtype(), bytes[i]);
            numbers[i] = Float.isNaN(number) ? Float.NaN : number;
        }
        return numbers;
    }

    private void same(String what, Pair pair) {
        Tensor elements = pair.expected().elements();
        assertArrayEquals(numbers(reference, elements), numbers(engine, pair.mine().elements()), what + " " + elements);
        float[] wanted = TestTensors.read(reference, pair.expected().scales());
        float[] scales = TestTensors.read(engine, pair.mine().scales());
        for (long row = 0; row < elements.rows(); row++) {
            for (long column = 0; column < elements.columns(); column++) {
                int scale = (int) pair.expected().scaleOf(row, column);
                assertEquals(wanted[scale], scales[scale], what + " scale of row " + row + ", column " + column);
            }
        }
    }

    static Stream<Arguments> forms() {
        return Stream.of(Arguments.of(DType.BF16, DType.F8_E4M3), Arguments.of(DType.F32, DType.F8_E5M2), Arguments.of(DType.F16, DType.F8_E4M3))
                .flatMap(types -> Stream.of(Blocks.values()).map(blocks -> Arguments.of(types.get()[0], types.get()[1], blocks)));
    }

    /** Numbers of many magnitudes: some saturate, some are subnormal, some become zero. */
    private float[] wild(int count) {
        float[] values = normals(count);
        for (int i = 0; i < count; i++) {
            values[i] *= Math.scalb(1f, random.nextInt(24) - 14);
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("forms")
    void quantisesToTheBit(DType from, DType to, Blocks blocks) {
        for (int[] size : SIZES) {
            for (Rows layout : Rows.values()) {
                Twin x = twin("x", from, layout, size[0], size[1], wild(size[0] * size[1]));
                Twin largest = vector("largest", 3f);
                Twin seen = vector("seen", 0.5f);
                Pair rows = rows(to, size[0], size[1], blocks);
                Pair turned = turned(to, size[0], size[1], blocks);
                boolean alone = from == DType.BF16; // Each is a kernel of its own on a GPU, which takes seconds to compile.
                Pair rowsAlone = rows(to, size[0], size[1], blocks);
                Pair turnedAlone = turned(to, size[0], size[1], blocks);
                fp8((kernels, side) -> {
                    if (blocks == Blocks.WHOLE) {
                        kernels.quantise(side.of(x), side.of(largest), rows.of(side), turned.of(side), side.of(seen));
                    } else {
                        kernels.quantiseBlocks(side.of(x), rows.of(side), turned.of(side));
                    }
                    if (alone && blocks == Blocks.WHOLE) {
                        kernels.quantise(side.of(x), side.of(largest), rowsAlone.of(side), null, null);
                        kernels.quantise(side.of(x), side.of(largest), null, turnedAlone.of(side), null);
                    } else if (alone) {
                        kernels.quantiseBlocks(side.of(x), rowsAlone.of(side), null);
                        kernels.quantiseBlocks(side.of(x), null, turnedAlone.of(side));
                    }
                });
                same("rows", rows);
                same("turned", turned);
                if (alone) {
                    same("rows alone", rowsAlone);
                    same("turned alone", turnedAlone);
                }
                seen.check("seen", 0);
                x.check("the matrix itself", 0);
            }
        }
    }

    /** What turns later gives the bits of what was turned when it was quantised. */
    @Test
    void turnsToTheBit() {
        for (int[] size : SIZES) {
            for (Blocks blocks : new Blocks[] {Blocks.WHOLE, Blocks.SQUARES}) {
                Twin x = twin("x", DType.F32, Rows.PLAIN, size[0], size[1], wild(size[0] * size[1]));
                Twin largest = vector("largest", 3f);
                Pair rows = rows(DType.F8_E5M2, size[0], size[1], blocks);
                Pair turned = turned(DType.F8_E5M2, size[0], size[1], blocks);
                Pair later = turned(DType.F8_E5M2, size[0], size[1], blocks);
                fp8((kernels, side) -> {
                    if (blocks == Blocks.WHOLE) {
                        kernels.quantise(side.of(x), side.of(largest), rows.of(side), turned.of(side), null);
                    } else {
                        kernels.quantiseBlocks(side.of(x), rows.of(side), turned.of(side));
                    }
                    kernels.turn(rows.of(side), later.of(side));
                });
                same("turned later", later);
                assertArrayEquals(bytes(engine, turned.mine().elements()), bytes(engine, later.mine().elements()), blocks + " of " + x.mine);
            }
        }
        Pair pieces = rows(DType.F8_E4M3, 16, 16, Blocks.ROW_PIECES);
        assertThrows(IllegalStateException.class, () -> engine.kernels().fp8().turn(pieces.mine(), turned(DType.F8_E4M3, 16, 16, Blocks.ROW_PIECES).mine()));
    }

    @Test
    void largestMagnitudes() {
        for (int[] size : SIZES) {
            Twin x = twin("x", DType.BF16, Rows.STRIDED, size[0], size[1], wild(size[0] * size[1]));
            Twin largest = vector("largest", 1e30f);
            fp8((kernels, side) -> kernels.largest(side.of(x), side.of(largest), Write.OVERWRITE));
            largest.check("largest", 0);
            assertTrue(largest.magnitude() < 1e30f);
            Twin larger = vector("larger", 1e30f);
            fp8((kernels, side) -> kernels.largest(side.of(x), side.of(larger), Write.ACCUMULATE));
            larger.check("larger before", 0);
        }
    }

    /** A matrix of zeros has scale 1; one with a number that is not finite has none, so that no product hides it. */
    @Test
    void zerosAndWhatIsNotFinite() {
        for (Blocks blocks : Blocks.values()) {
            for (float special : new float[] {0, Float.NaN, Float.NEGATIVE_INFINITY, 1e-42f}) {
                float[] values = new float[16 * 32];
                values[77] = special;
                Twin x = twin("x", DType.F32, Rows.PLAIN, 16, 32, values);
                Twin largest = vector("largest", 7);
                Pair rows = rows(DType.F8_E4M3, 16, 32, blocks);
                Pair turned = turned(DType.F8_E4M3, 16, 32, blocks);
                fp8((kernels, side) -> {
                    kernels.largest(side.of(x), side.of(largest), Write.OVERWRITE);
                    if (blocks == Blocks.WHOLE) {
                        kernels.quantise(side.of(x), side.of(largest), rows.of(side), turned.of(side), null);
                    } else {
                        kernels.quantiseBlocks(side.of(x), rows.of(side), turned.of(side));
                    }
                });
                same("rows with " + special, rows);
                same("turned with " + special, turned);
                float scale = TestTensors.read(engine, rows.mine().scales())[(int) rows.mine().scaleOf(2, 13)];
                assertEquals(Float.isFinite(special), Float.isFinite(scale), "scale " + scale + " beside " + special);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"16,16,16", "8,16,32", "40,144,272", "136,144,160"})
    void products(int m, int n, int k) {
        Blocks[][] forms = {{Blocks.WHOLE, Blocks.WHOLE}, {Blocks.ROW_PIECES, Blocks.SQUARES}, {Blocks.SQUARES, Blocks.ROW_PIECES}, {Blocks.ROW_PIECES, Blocks.ROW_PIECES}};
        DType[][] types = {{DType.F8_E4M3, DType.F8_E4M3}, {DType.F8_E5M2, DType.F8_E4M3}, {DType.F8_E4M3, DType.F8_E5M2}};
        for (Blocks[] blocks : forms) {
            for (DType[] type : types) {
                for (DType result : new DType[] {DType.F32, DType.BF16}) {
                    for (Write write : Write.values()) {
                        product(m, n, k, blocks, type, result, write);
                    }
                }
            }
        }
    }

    private void product(int m, int n, int k, Blocks[] blocks, DType[] types, DType result, Write write) {
        Twin x = normal("x", m, k);
        Twin y = normal("y", n, k);
        Twin largest = vector("largest", 4);
        Pair a = rows(types[0], m, k, blocks[0]);
        Pair b = rows(types[1], n, k, blocks[1]);
        Twin out = twin("out", result, Rows.PLAIN, m, n, normals(m * n));
        fp8((kernels, side) -> {
            quantise(kernels, side.of(x), side.of(largest), a.of(side));
            quantise(kernels, side.of(y), side.of(largest), b.of(side));
            kernels.product(a.of(side), b.of(side), side.of(out), write, Sums.EXACT);
        });
        // Hopper's tensor cores sum eight-bit products in some 13 bits of fraction before they are added in float32.
        double roundings = result == DType.F32 ? EIGHT_BIT_SUMS : 0x1p-7;
        assertTrue(out.magnitude() > 1, "the product is all but zero");
        out.check(blocks[0] + " " + types[0] + " times " + blocks[1] + " " + types[1] + " " + write, roundings * out.magnitude());
    }

    private static void quantise(Fp8Kernels kernels, Tensor x, Tensor largest, Quantised target) {
        if (target.blocks() == Blocks.WHOLE) {
            kernels.quantise(x, largest, target, null, null);
        } else {
            kernels.quantiseBlocks(x, target, null);
        }
    }

    /** Any number of tokens can be summed over: the transposes' last columns are zeros. */
    @ParameterizedTest
    @CsvSource({"1", "17", "200"})
    void sumsOverTokens(int tokens) {
        for (Blocks blocks : new Blocks[] {Blocks.WHOLE, Blocks.ROW_PIECES}) {
            Twin x = normal("x", tokens, 32);
            Twin dy = normal("dy", tokens, 48);
            Twin largest = vector("largest", 4);
            Pair xs = turned(DType.F8_E4M3, tokens, 32, blocks);
            Pair dys = turned(DType.F8_E5M2, tokens, 48, blocks);
            Twin out = normal("out", 48, 32);
            fp8((kernels, side) -> {
                if (blocks == Blocks.WHOLE) {
                    kernels.quantise(side.of(x), side.of(largest), null, xs.of(side), null);
                    kernels.quantise(side.of(dy), side.of(largest), null, dys.of(side), null);
                } else {
                    kernels.quantiseBlocks(side.of(x), null, xs.of(side));
                    kernels.quantiseBlocks(side.of(dy), null, dys.of(side));
                }
                kernels.product(dys.of(side), xs.of(side), side.of(out), Write.OVERWRITE, Sums.EXACT);
            });
            out.check("gradient of " + tokens + " tokens", EIGHT_BIT_SUMS * Math.max(1, out.magnitude()));
        }
    }

    /** Fast sums are allowed to be worse, but not much. */
    @Test
    void fastSumsAreNear() {
        Twin x = normal("x", 64, 512);
        Twin y = normal("y", 32, 512);
        Twin largest = vector("largest", 4);
        Pair a = rows(DType.F8_E4M3, 64, 512, Blocks.WHOLE);
        Pair b = rows(DType.F8_E4M3, 32, 512, Blocks.WHOLE);
        Twin out = normal("out", 64, 32);
        fp8((kernels, side) -> {
            kernels.quantise(side.of(x), side.of(largest), a.of(side), null, null);
            kernels.quantise(side.of(y), side.of(largest), b.of(side), null, null);
            kernels.product(a.of(side), b.of(side), side.of(out), Write.OVERWRITE, Sums.FAST);
        });
        out.check("fast sums", 0x1p-9 * out.magnitude());
    }

    @Test
    void historiesKeepTheLargestOfTheirSteps() {
        for (Outlook outlook : Outlook.values()) {
            Twin history = twin("history", DType.F32, Rows.PLAIN, 3, 4, new float[12]);
            Twin largest = vector("largest", 9, 9, 9, 9);
            float[][] steps = {{1, 0, 5, Float.NaN}, {2, 0, 4, 1}, {1.5f, 0, Float.POSITIVE_INFINITY, 2}, {1, 0, 3, 0}, {0.5f, 0, 0, 0}};
            for (int step = 0; step < steps.length; step++) {
                int place = step % 3;
                Twin seen = vector("seen", steps[step]);
                fp8((kernels, side) -> kernels.remember(side.of(seen), side.of(history), place, outlook, side.of(largest)));
                history.check("history", 0);
                largest.check("largest", 0);
                assertArrayEquals(new float[4], TestTensors.read(engine, seen.mine));
            }
            float[] wanted = outlook == Outlook.MAX ? new float[] {1.5f, 9, 3, 2} : new float[] {0.5f, 9, 3, 2};
            assertArrayEquals(wanted, TestTensors.read(engine, largest.mine), outlook.toString());
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        Fp8Kernels kernels = engine.kernels().fp8();
        Quantised squares = rows(DType.F8_E4M3, 16, 16, Blocks.SQUARES).mine();
        Quantised whole = rows(DType.F8_E4M3, 16, 16, Blocks.WHOLE).mine();
        Quantised narrow = rows(DType.F8_E5M2, 16, 16, Blocks.WHOLE).mine();
        Tensor out = normal("out", 16, 16).mine;
        assertThrows(IllegalStateException.class, () -> kernels.product(squares, squares, out, Write.OVERWRITE, Sums.EXACT));
        assertThrows(IllegalStateException.class, () -> kernels.product(squares, whole, out, Write.OVERWRITE, Sums.EXACT));
        assertThrows(IllegalStateException.class, () -> kernels.product(narrow, narrow, out, Write.OVERWRITE, Sums.EXACT));
        assertThrows(IllegalStateException.class, () -> kernels.quantiseBlocks(out, whole, null));
        assertThrows(IllegalStateException.class, () -> kernels.quantise(out, normalVector("largest", 1).mine, squares, null, null));
    }
}
