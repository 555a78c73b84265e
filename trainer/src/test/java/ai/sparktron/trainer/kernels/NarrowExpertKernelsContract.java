package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@link ExpertKernels} on bfloat16 and float16 activations: what float32 gives, rounded once where it is stored. */
abstract class NarrowExpertKernelsContract extends EngineFixture {

    /** The types a test runs with. */
    enum Narrow {
        BF16(DType.BF16, 0x1p-7), F16(DType.F16, 0x1p-10);

        private final DType dtype;
        private final double ulp;

        Narrow(DType dtype, double ulp) {
            this.dtype = dtype;
            this.ulp = ulp;
        }
    }

    private Twin normal(Narrow type, String name, Rows rows, int count, int columns) {
        return twin(name, type.dtype, rows, count, columns, normals(count * columns));
    }

    private static void check(Narrow type, String what, Twin twin) {
        float magnitude = twin.magnitude();
        assertTrue(magnitude > 0.01, what + " is all but zero");
        twin.check(what + " in " + type, type.ulp * magnitude);
    }

    /** Segments of many rows, of none and of one; rows behind the last stay as they are. */
    private static final int[] OFFSETS = {0, 150, 150, 151, 151, 290};
    private static final int ROWS = 300;

    private void products(Narrow type, Rows rows, int inner, int outer) {
        int experts = OFFSETS.length - 1;
        Twin offsets = ints("offsets", OFFSETS);
        Twin x = normal(type, "x", rows, ROWS, inner);
        Twin w = normal(type, "w", Rows.PLAIN, experts * outer, inner);
        Twin out = normal(type, "out", rows, ROWS, outer);
        Twin dx = normal(type, "dx", rows, ROWS, inner);
        Twin wide = normal("dW", Rows.PLAIN, experts * outer, inner);
        Twin narrow = normal(type, "narrow dW", Rows.PLAIN, experts * outer, inner);
        Twin written = normal(type, "written dW", Rows.PLAIN, experts * outer, inner);
        Twin dy = normal(type, "dy", rows, ROWS, outer);
        Twin added = normal(type, "added", rows, ROWS, outer);
        Twin dxAdded = normal(type, "added dx", rows, ROWS, inner);
        String size = inner + " x " + outer + " " + rows;
        for (int call = 0; call < 2; call++) {
            both((kernels, side) -> {
                ExpertKernels on = kernels.experts();
                on.groupedMatmul(side.of(x), side.of(offsets), side.of(w), Transpose.YES, side.of(out), Write.OVERWRITE);
                on.groupedMatmul(side.of(dy), side.of(offsets), side.of(w), Transpose.NO, side.of(dx), Write.OVERWRITE);
                on.groupedMatmulGrad(side.of(dy), side.of(x), side.of(offsets), side.of(wide), Write.ACCUMULATE);
                on.groupedMatmulGrad(side.of(dy), side.of(x), side.of(offsets), side.of(narrow), Write.ACCUMULATE);
                on.groupedMatmulGrad(side.of(dy), side.of(x), side.of(offsets), side.of(written), Write.OVERWRITE);
            });
            check(type, "forward " + size, out);
            check(type, "data gradient " + size, dx);
            check(type, "written weight gradient " + size, written);
            wide.check("weight gradient " + size + ", call " + call, 2e-6 * 150 * wide.magnitude());
        }
        both((kernels, side) -> {
            kernels.experts().groupedMatmul(side.of(x), side.of(offsets), side.of(w), Transpose.YES, side.of(added), Write.ACCUMULATE);
            kernels.experts().groupedMatmul(side.of(dy), side.of(offsets), side.of(w), Transpose.NO, side.of(dxAdded), Write.ACCUMULATE);
        });
        check(type, "added forward " + size, added);
        check(type, "added data gradient " + size, dxAdded);
        // Two roundings, and in between a sum that may have been rounded the other way.
        narrow.check("narrow weight gradient " + size, 3 * type.ulp * narrow.magnitude());
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void alignedProducts(Narrow type) {
        products(type, Rows.PLAIN, 200, 144);
        products(type, Rows.PLAIN, 8, 296);
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void productsThatNoVectorFits(Narrow type) {
        products(type, Rows.STRIDED, 40, 24);
        products(type, Rows.PLAIN, 33, 21);
    }

    /** As real segments are: none at all, or all rows with one expert. */
    @Test
    void emptyAndFull() {
        for (int[] starts : new int[][] {{0, 0, 0}, {0, 0, 70}, {0, 70, 70}}) {
            Twin offsets = ints("offsets", starts);
            Twin x = normal(Narrow.BF16, "x", Rows.PLAIN, 70, 72);
            Twin w = normal(Narrow.BF16, "w", Rows.PLAIN, 2 * 64, 72);
            Twin out = normal(Narrow.BF16, "out", Rows.PLAIN, 70, 64);
            Twin dW = normal("dW", 2 * 64, 72);
            Twin written = normal("written dW", 2 * 64, 72);
            both((kernels, side) -> {
                kernels.experts().groupedMatmul(side.of(x), side.of(offsets), side.of(w), Transpose.YES, side.of(out), Write.OVERWRITE);
                kernels.experts().groupedMatmulGrad(side.of(out), side.of(x), side.of(offsets), side.of(dW), Write.ACCUMULATE);
                kernels.experts().groupedMatmulGrad(side.of(out), side.of(x), side.of(offsets), side.of(written), Write.OVERWRITE);
            });
            check(Narrow.BF16, "forward", out);
            dW.check("weight gradient", Narrow.BF16.ulp * dW.magnitude());
            written.check("written weight gradient", Narrow.BF16.ulp * written.magnitude());
        }
    }

    @ParameterizedTest
    @EnumSource(Narrow.class)
    void sumsAndActivations(Narrow type) {
        for (Rows rows : Rows.values()) {
            Twin x = normal(type, "x", rows, 40, 72);
            int[] at = randomInts(30, 44);
            for (int i = 0; i < at.length; i++) {
                at[i] = at[i] >= 40 ? -1 : at[i];
            }
            Twin flat = ints("places", at);
            for (Write write : Write.values()) {
                Twin out = normal(type, "out", rows, 10, 72);
                both((kernels, side) -> kernels.experts().sumRows(side.of(x), side.of(flat).reshape(Shape.of(10, 3)), side.of(out),
                        write));
                check(type, "sumRows " + write, out);
            }
            Twin gateUp = normal(type, "gateUp", rows, 9, 2 * 40);
            Twin factors = normalVector("factors", 9);
            Twin out = normal(type, "out", rows, 9, 40);
            Twin dOut = normal(type, "dOut", rows, 9, 40);
            both((kernels, side) -> kernels.experts().swiGluScaled(side.of(gateUp), side.of(factors), side.of(out)));
            check(type, "swiGluScaled", out);
            Twin dFactors = normalVector("dFactors", 9);
            both((kernels, side) -> kernels.experts().swiGluScaledBackward(side.of(dOut), side.of(gateUp), side.of(factors), side.of(dFactors)));
            check(type, "swiGluScaledBackward, the output", dOut);
            check(type, "swiGluScaledBackward, the gradient", gateUp);
            dFactors.check("dFactors", 1e-4);
        }
    }

    /** What one call gives, every call gives. */
    @Test
    void sameBitsAtEveryCall() {
        Twin offsets = ints("offsets", OFFSETS);
        Twin x = normal(Narrow.BF16, "x", Rows.PLAIN, ROWS, 96);
        Twin dy = normal(Narrow.BF16, "dy", Rows.PLAIN, ROWS, 160);
        float[][] made = new float[2][];
        for (int call = 0; call < 2; call++) {
            Twin dW = vector("dW", new float[5 * 160 * 96]);
            var gradient = dW.mine.reshape(Shape.of(5 * 160, 96));
            engine.kernels().experts().groupedMatmulGrad(dy.mine, x.mine, offsets.mine, gradient, Write.ACCUMULATE);
            made[call] = TestTensors.read(engine, dW.mine);
        }
        assertArrayEquals(made[0], made[1], 0);
        assertTrue(made[0][0] != 0, "the first segment has rows");
    }
}
