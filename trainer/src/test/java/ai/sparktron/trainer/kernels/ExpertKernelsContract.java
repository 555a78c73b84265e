package ai.sparktron.trainer.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link ExpertKernels} as they promise, against the reference and against numbers worked by hand. */
abstract class ExpertKernelsContract extends EngineFixture {

    private void experts(BiConsumer<ExpertKernels, Side> call) {
        both((kernels, side) -> call.accept(kernels.experts(), side));
    }

    /** An I32 matrix on both engines. */
    private Twin table(String name, int rows, int columns, int... values) {
        Twin flat = ints(name, values.length == 0 ? new int[rows * columns] : values);
        Shape shape = Shape.of(rows, columns);
        return new Twin(flat.mine.reshape(shape), flat.expected.reshape(shape), 0, columns);
    }

    private static int[] integers(Engine engine, Tensor tensor) {
        java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocateDirect((int) tensor.sizeBytes()).order(java.nio.ByteOrder.nativeOrder());
        engine.read(tensor.reshape(Shape.of(tensor.elements())), bytes);
        int[] values = new int[(int) tensor.elements()];
        bytes.clear().asIntBuffer().get(values);
        return values;
    }

    private int[] mine(Twin twin) {
        return integers(engine, twin.mine);
    }

    private void same(String what, Twin twin) {
        assertArrayEquals(integers(reference, twin.expected), mine(twin), what);
    }

    /**
     * 2^25 + 1 - 2^25 is 1, and 0 where sums are float32; 4097^2 is 16785409, one more than a float32 product of that size can be, and less 16785408 it is 1.
     */
    @Test
    void handWorkedLogitsInFloat64() {
        Twin x = twin("x", DType.F32, Rows.PLAIN, 3, 3, 1 << 25, 1, -(1 << 25), 4097, 0, -16785408, 1, 1, -1);
        Twin w = twin("w", DType.F32, Rows.PLAIN, 2, 3, 1, 1, 1, 4097, 0, 1);
        Twin logits = normal("logits", 3, 2);
        experts((kernels, side) -> kernels.wideLogits(side.of(x), side.of(w), side.of(logits)));
        assertArrayEquals(new float[] {1, (float) (4097.0 * (1 << 25) - (1 << 25)), 4097 - 16785408, 1, 1, 4096}, TestTensors.read(engine, logits.mine));
    }

    @Test
    void logitsOfManyTokensInFloat64() {
        for (Rows rows : Rows.values()) {
            Twin x = normal("x", rows, 37, 77);
            Twin w = normal("w", rows, 60, 77);
            Twin logits = normal("logits", rows, 37, 60);
            experts((kernels, side) -> kernels.wideLogits(side.of(x), side.of(w), side.of(logits)));
            logits.checkRelative("logits", 1);
        }
    }

    /** Softmax of (0, ln 2, ln 3, ln 4) is (1, 2, 3, 4) / 10. */
    @Test
    void handWorkedSoftmaxBeforeAndAfterChoosing() {
        float[] logits = {0, (float) Math.log(2), (float) Math.log(3), (float) Math.log(4)};
        Twin x = twin("logits", DType.F32, Rows.PLAIN, 1, 4, logits);
        Twin ids = table("ids", 1, 2);
        Twin weights = normal("weights", 1, 2);
        experts((kernels, side) -> kernels.route(side.of(x), null, null, RoutingRule.plain(4, 2, RoutingRule.Score.SOFTMAX, false, 1), side.of(ids),
                side.of(weights)));
        assertArrayEquals(new int[] {3, 2}, mine(ids));
        assertArrayEquals(new float[] {0.4f, 0.3f}, TestTensors.read(engine, weights.mine), 1e-6f);
        experts((kernels, side) -> kernels.route(side.of(x), null, null, RoutingRule.plain(4, 2, RoutingRule.Score.SOFTMAX, true, 2), side.of(ids),
                side.of(weights)));
        assertArrayEquals(new float[] {8 / 7f, 6 / 7f}, TestTensors.read(engine, weights.mine), 1e-6f);
    }

    /** sigmoid(0) = 1/2, sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4; the bias chooses, but does not weigh. */
    @Test
    void handWorkedSigmoidWithBiasAndGroups() {
        float ln3 = (float) Math.log(3);
        Twin x = twin("logits", DType.F32, Rows.PLAIN, 1, 6, ln3, 0, ln3, -ln3, 0, 0);
        Twin bias = vector("bias", 0, 0, 0, 0, 0.5f, 0);
        Twin ids = table("ids", 1, 2);
        Twin weights = normal("weights", 1, 2);
        experts((kernels, side) -> kernels.route(side.of(x), side.of(bias), null, RoutingRule.plain(6, 2, RoutingRule.Score.SIGMOID, true, 2.5f), side.of(ids),
                side.of(weights)));
        assertArrayEquals(new int[] {4, 0}, mine(ids), "1/2 + 1/2 and the first of the two with 3/4");
        assertArrayEquals(new float[] {2.5f * 0.4f, 2.5f * 0.6f}, TestTensors.read(engine, weights.mine), 1e-6f);
        // Groups of two: sums of two best 1.25, 1, 1.5; of the best one 0.75, 0.75, 1.
        RoutingRule twoBest = new RoutingRule(6, 2, RoutingRule.Score.SIGMOID, 3, 1, 2, false, 1);
        experts((kernels, side) -> kernels.route(side.of(x), side.of(bias), null, twoBest, side.of(ids), side.of(weights)));
        assertArrayEquals(new int[] {4, 5}, mine(ids));
        assertArrayEquals(new float[] {0.5f, 0.5f}, TestTensors.read(engine, weights.mine), 1e-6f);
        RoutingRule oneBest = new RoutingRule(6, 3, RoutingRule.Score.SIGMOID, 3, 2, 1, false, 1);
        Twin three = table("ids", 1, 3);
        Twin weightsOfThree = normal("weights", 1, 3);
        experts((kernels, side) -> kernels.route(side.of(x), side.of(bias), null, oneBest, side.of(three), side.of(weightsOfThree)));
        assertArrayEquals(new int[] {4, 0, 1}, mine(three), "the first of the equal groups");
    }

    @Test
    void routingOfManyTokensAndItsGradient() {
        RoutingRule[] rules = {RoutingRule.plain(60, 4, RoutingRule.Score.SOFTMAX, false, 1), RoutingRule.plain(128, 8, RoutingRule.Score.SOFTMAX, true, 1),
                new RoutingRule(64, 6, RoutingRule.Score.SOFTMAX, 8, 3, 1, false, 16), new RoutingRule(256, 8, RoutingRule.Score.SIGMOID, 8, 4, 2, true, 2.5f),
                RoutingRule.gate()};
        for (RoutingRule rule : rules) {
            for (Rows rows : Rows.values()) {
                Twin logits = normal("logits", rows, 37, rule.experts());
                Twin bias = vector("bias", scaled(normals(rule.experts()), 0.1f));
                Twin ids = table("ids", 37, rule.chosen());
                Twin weights = normal("weights", rows, 37, rule.chosen());
                experts((kernels, side) -> kernels.route(side.of(logits), side.of(bias), null, rule, side.of(ids), side.of(weights)));
                same("ids of " + rule, ids);
                weights.checkRelative("weights of " + rule, 4 * rule.scale());
                Twin ranking = normal("ranking", rows, 37, rule.experts());
                experts((kernels, side) -> kernels.route(side.of(logits), null, side.of(ranking), rule, side.of(ids), side.of(weights)));
                same("ids by ranking of " + rule, ids);
                Twin dWeights = normal("dWeights", rows, 37, rule.chosen());
                Twin sequences = ints("sequences", sorted(randomInts(37, 3)));
                Twin counts = normal("counts", 3, rule.experts());
                Twin factors = vector("factors", scaled(normals(3), 0.1f));
                Twin dLogits = normal("dLogits", rows, 37, rule.experts());
                experts((kernels, side) -> kernels.routeGrad(side.of(dWeights), side.of(logits), side.of(ids), rule, RouterPenalty.none(), side.of(dLogits)));
                dLogits.checkRelative("dLogits of " + rule, 30);
                experts((kernels, side) -> kernels.routeGrad(side.of(dWeights), side.of(logits), side.of(ids), rule,
                        new RouterPenalty(side.of(sequences), side.of(counts), side.of(factors), 0.01f), side.of(logits)));
                logits.checkRelative("dLogits in place with penalty of " + rule, 30);
            }
        }
    }

    private static float[] scaled(float[] values, float factor) {
        for (int i = 0; i < values.length; i++) {
            values[i] *= factor;
        }
        return values;
    }

    private static int[] sorted(int[] values) {
        Arrays.sort(values);
        return values;
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 70})
    void statisticsAndBalanceLoss(int size) {
        for (RoutingRule.Score score : RoutingRule.Score.values()) {
            RoutingRule rule = RoutingRule.plain(size, 2, score, true, 1);
            Twin logits = normal("logits", 50, size);
            Twin ids = table("ids", 50, 2, randomInts(100, size));
            for (int[] sequences : new int[][] {null, sorted(randomInts(50, 4))}) {
                Twin of = sequences == null ? null : ints("sequences", sequences);
                int count = sequences == null ? 1 : 4;
                Twin counts = normal("counts", count, size);
                Twin probabilities = normal("probabilities", count, size);
                Twin z = vector("z", 0.5f);
                experts((kernels, side) -> kernels.routerStatistics(side.of(logits), side.of(ids), rule, side.of(of), side.of(counts),
                        side.of(probabilities), side.of(z)));
                counts.checkRelative("counts", 20);
                probabilities.checkRelative("probabilities", 50);
                z.checkRelative("z", 4);
                Twin factors = normalVector("factors", count);
                Twin loss = vector("loss", 3);
                experts((kernels, side) -> kernels.balanceLoss(side.of(counts), side.of(probabilities), side.of(factors), side.of(loss)));
                loss.check("loss", 1e-6 * 400);
            }
        }
    }

    @Test
    void sinkhornBalances() {
        Twin logits = normal("logits", 64, 8);
        Twin out = normal("out", 64, 8);
        experts((kernels, side) -> kernels.sinkhorn(side.of(logits), side.of(out)));
        out.check("sinkhorn", 1e-6);
        float[] values = TestTensors.read(engine, out.mine);
        for (int e = 0; e < 8; e++) {
            double sum = 0;
            for (int t = 0; t < 64; t++) {
                sum += values[t * 8 + e];
            }
            assertEquals(1 / 8.0, sum, 1e-3, "share of expert " + e);
        }
    }

    /** Expert 0 may take two of the four: the largest weights, or the first. */
    @Test
    void handWorkedCapacity() {
        Twin ids = table("ids", 4, 2, 0, 1, 0, 2, 0, 1, 1, 0);
        Twin weights = twin("weights", DType.F32, Rows.PLAIN, 4, 2, 0.1f, 0.9f, 0.4f, 0.6f, 0.7f, 0.3f, 0.6f, 0.4f);
        Twin kept = table("kept", 4, 2);
        experts((kernels, side) -> kernels.limit(side.of(ids), side.of(weights), 3, 2, DropPolicy.PROBS, side.of(kept)));
        assertArrayEquals(new int[] {-1, 1, 0, 2, 0, -1, 1, -1}, mine(kept), "largest weights, the first of equal ones");
        experts((kernels, side) -> kernels.limit(side.of(ids), side.of(weights), 3, 2, DropPolicy.POSITION, side.of(kept)));
        assertArrayEquals(new int[] {0, 1, 0, 2, -1, 1, -1, -1}, mine(kept), "the first");
        Twin many = table("many", 90, 4, randomInts(360, 7));
        Twin theirs = normal("weights", 90, 4);
        for (DropPolicy policy : DropPolicy.values()) {
            Twin some = table("some", 90, 4);
            experts((kernels, side) -> kernels.limit(side.of(many), side.of(theirs), 7, 30, policy, side.of(some)));
            same("kept by " + policy, some);
        }
    }

    @Test
    void sortingSendsEachSlotToItsExpert() {
        Twin ids = table("ids", 3, 2, 2, 0, 1, 2, -1, 2);
        Twin offsets = ints("offsets", new int[4]);
        Twin slots = ints("slots", new int[6]);
        Twin tokens = ints("tokens", new int[6]);
        Twin places = table("places", 3, 2);
        experts((kernels, side) -> kernels.sortByExpert(side.of(ids), 0, side.of(offsets), side.of(slots), side.of(tokens), side.of(places)));
        assertArrayEquals(new int[] {0, 1, 2, 5}, mine(offsets));
        assertArrayEquals(new int[] {1, 2, 0, 3, 5, -1}, mine(slots));
        assertArrayEquals(new int[] {0, 1, 0, 1, 2, -1}, mine(tokens));
        assertArrayEquals(new int[] {2, 0, 1, 3, -1, 4}, mine(places));
        Twin many = table("many", 700, 6, randomInts(4200, 40));
        for (int first : new int[] {0, 8}) {
            int here = first == 0 ? 40 : 16;
            Twin starts = ints("offsets", new int[here + 1]);
            Twin s = ints("slots", new int[4200]);
            Twin t = ints("tokens", new int[4200]);
            Twin p = table("places", 700, 6);
            experts((kernels, side) -> kernels.sortByExpert(side.of(many), first, side.of(starts), side.of(s), side.of(t), side.of(p)));
            same("offsets", starts);
            same("slots", s);
            same("tokens", t);
            same("places", p);
        }
    }

    @Test
    void rowsAreSummedByPlace() {
        for (Rows rows : Rows.values()) {
            for (Write write : Write.values()) {
                Twin x = normal("x", rows, 40, 2500);
                int[] at = randomInts(30, 44);
                for (int i = 0; i < at.length; i++) {
                    at[i] = at[i] >= 40 ? -1 : at[i];
                }
                Twin places = table("places", 10, 3, at);
                Twin out = normal("out", rows, 10, 2500);
                experts((kernels, side) -> kernels.sumRows(side.of(x), side.of(places), side.of(out), write));
                out.checkRelative("sumRows " + write, 6);
            }
        }
    }

    /** Segments of no rows, one row and many; rows behind the last segment stay as they are. */
    @Test
    void groupedProducts() {
        Twin offsets = ints("offsets", 0, 17, 17, 18, 18, 60);
        for (Rows rows : Rows.values()) {
            Twin x = normal("x", rows, 64, 40);
            Twin w = normal("w", 5 * 24, 40);
            Twin out = normal("out", rows, 64, 24);
            for (Write write : Write.values()) {
                experts((kernels, side) -> kernels.groupedMatmul(side.of(x), side.of(offsets), side.of(w), Transpose.YES, side.of(out), write));
                out.check("groupedMatmul " + write, 4e-5);
                Twin dx = normal("dx", rows, 64, 40);
                experts((kernels, side) -> kernels.groupedMatmul(side.of(out), side.of(offsets), side.of(w), Transpose.NO, side.of(dx), write));
                dx.checkRelative("data gradient " + write, 60);
                Twin dW = normal("dW", 5 * 24, 40);
                experts((kernels, side) -> kernels.groupedMatmulGrad(side.of(out), side.of(x), side.of(offsets), side.of(dW), write));
                dW.checkRelative("weight gradient " + write, 60);
            }
        }
    }

    /** Rows in any order, with columns that begin where a block of random numbers does or not; far names too. */
    @Test
    void sortedRowsAreLeftOutOf() {
        for (Rows rows : Rows.values()) {
            for (int first : new int[] {0, 4, 3}) {
                Twin x = normal("x", rows, 5, 2104);
                Twin keys = vector("keys", 7, 0, (1 << 24) - 1, 7, 12345);
                Twin out = normal("out", rows, 5, 2104);
                experts((kernels, side) -> kernels.dropout(side.of(x), side.of(keys), 99, first, 2120, 0.3f, side.of(out)));
                out.check("dropout", 1e-6);
            }
        }
    }

    @Test
    void scaledActivation() {
        for (Rows rows : Rows.values()) {
            for (int width : new int[] {1, 33, 2100}) {
                Twin gateUp = normal("gateUp", rows, 9, 2 * width);
                Twin factors = normalVector("factors", 9);
                Twin out = normal("out", rows, 9, width);
                experts((kernels, side) -> kernels.swiGluScaled(side.of(gateUp), side.of(factors), side.of(out)));
                out.checkRelative("swiGluScaled", 20);
                Twin dFactors = normalVector("dFactors", 9);
                Twin slope = normal("slope", rows, 9, width);
                experts((kernels, side) -> kernels.swiGluScaledBackward(side.of(slope), side.of(gateUp), side.of(factors), side.of(dFactors)));
                slope.checkRelative("swiGluScaledBackward, the output", 20);
                gateUp.checkRelative("swiGluScaledBackward, the gradient", 40);
                dFactors.check("dFactors", 1e-6 * width * Math.max(1, dFactors.magnitude()));
            }
        }
    }

    @Test
    void mistakesAreNamed() {
        Twin logits = normal("logits", 4, 6);
        Twin ids = table("ids", 4, 2);
        Twin weights = normal("weights", 4, 3);
        String message = assertThrows(IllegalStateException.class, () -> engine.kernels().experts().route(logits.mine, null, null,
                RoutingRule.plain(6, 2, RoutingRule.Score.SOFTMAX, true, 1), ids.mine, weights.mine)).getMessage();
        assertTrue(message.startsWith("route: weights"), message);
        assertThrows(IllegalArgumentException.class, () -> RoutingRule.plain(4, 5, RoutingRule.Score.SOFTMAX, true, 1));
        assertThrows(IllegalArgumentException.class, () -> new RoutingRule(8, 3, RoutingRule.Score.SIGMOID, 4, 1, 2, true, 1));
    }
}
