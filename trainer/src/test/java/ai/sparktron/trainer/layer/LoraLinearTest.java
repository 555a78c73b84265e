package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.seam.Region;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Low-rank additions: gradients, what is left out at random, and what each part of a stacked weight gets. */
class LoraLinearTest {

    private static final String MLP = "decoder.layers.0.mlp";
    private static final String THEIRS = "model.layers.0.mlp.";
    private static final long SAMPLE = 1L << 40;

    private static Adapters adapters(float dropout) {
        return new Adapters(Map.of(THEIRS + "gate_proj.weight", new LowRank(2, 0.7), THEIRS + "up_proj.weight", new LowRank(3, 1.5),
                THEIRS + "down_proj.weight", new LowRank(4, -2)), dropout, 5);
    }

    private static Linear linear(LayerLab lab, String name, Adapters adapters) {
        Parameter weight = lab.parameters.get(MLP + name);
        return LoraLinear.over(new DenseLinear(weight, null), weight, lab.parameters, adapters);
    }

    private static Branch feedForward(LayerLab lab, Adapters adapters) {
        return new FeedForward(MLP, linear(lab, ".linear_fc1.weight", adapters), linear(lab, ".linear_fc2.weight", adapters), null, Region.none());
    }

    /** A feed-forward whose three matrices have additions of different ranks, the gradients of A and B among those that are checked. */
    @Nested
    class KeepsTheContract extends LayerContract {
        @Override
        String parametersNamed() {
            return "layers.0.mlp.";
        }

        @Override
        LayerLab lab(boolean trainable) {
            return new LayerLab("llama", "", trainable, adapters(0));
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(feedForward(lab, adapters(0)));
        }
    }

    /** A training pass over the lab's tokens with names. */
    private static Pass pass(LayerLab lab, StackArena microBatch, TokenNames names) {
        Arena.Frame frame = microBatch.open("pass");
        int[] ids = new int[LayerLab.TOKENS];
        HostTokens tokens = HostTokens.of(ids, null, null, LayerLab.POSITIONS, LayerLab.DOCUMENTS).named(names);
        TokenBatch batch = TokenBatch.upload(tokens, TokenDeal.whole(), 1, lab.engine, frame);
        return new Pass(lab.engine, PassArenas.alone(microBatch, lab.scratch), frame, Saved.keeping(microBatch), batch, lab.rope.tableFor(batch.reach(), frame), null, null, null, Pass.Mode.TRAIN);
    }

    private static TokenNames names(int... lengths) {
        TokenNames.Run[] runs = new TokenNames.Run[lengths.length];
        int from = 0;
        for (int i = 0; i < lengths.length; i++) {
            runs[i] = new TokenNames.Run(from, lengths[i], SAMPLE + i, 0);
            from += lengths[i];
        }
        return new TokenNames(List.of(runs));
    }

    private record Step(double[] out, double[] dx, double[] gradients) {
    }

    private static Step step(LayerLab lab, Branch branch, double[] x, double[] weights, TokenNames names) {
        lab.clearGradients();
        StackArena microBatch = StackArena.growing("micro-batch", lab.engine.memory(), 1 << 16);
        try (Arena.Frame frame = lab.run.open("step"); Pass pass = pass(lab, microBatch, names)) {
            Tensor out = lab.tensor(frame, "out", new double[x.length]);
            Tensor in = lab.tensor(frame, "x", x);
            branch.forward(in, out, pass);
            branch.backward(lab.tensor(frame, "dOut", weights), in, in, pass);
            return new Step(lab.read(out), lab.read(in), lab.gradients());
        }
    }

    @Test
    void gradientsAreThoseOfWhatWasLeftIn() {
        LayerLab lab = new LayerLab("llama", "", true, adapters(0.4f));
        Branch branch = feedForward(lab, adapters(0.4f));
        double[] x = lab.activation(3);
        double[] weights = lab.activation(4);
        Step step = step(lab, branch, x, weights, names(3, 4));
        double[] numeric = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double[] up = x.clone();
            double[] down = x.clone();
            up[i] += 1e-4;
            down[i] -= 1e-4;
            double[] high = step(lab, branch, up, weights, names(3, 4)).out();
            double[] low = step(lab, branch, down, weights, names(3, 4)).out();
            for (int j = 0; j < high.length; j++) {
                numeric[i] += (high[j] - low[j]) / 2e-4 * weights[j];
            }
        }
        LayerContract.assertClose("input", numeric, step.dx(), 3e-6);
    }

    @Test
    void theMaskBelongsToTokenAndPlaceNotToTheMicroBatch() {
        LayerLab lab = new LayerLab("llama", "", true, adapters(0.5f));
        Branch branch = feedForward(lab, adapters(0.5f));
        double[] x = lab.activation(3);
        double[] weights = lab.activation(4);
        Step whole = step(lab, branch, x, weights, names(7));
        assertArrayEquals(whole.out(), step(lab, branch, x, weights, names(7)).out(), "the same pass twice");
        assertArrayEquals(whole.gradients(), step(lab, new RecomputedBranch("again", branch), x, weights, names(7)).gradients(), "computed again");
        TokenNames cut = new TokenNames(List.of(new TokenNames.Run(0, 2, SAMPLE, 0), new TokenNames.Run(2, 5, SAMPLE, 2)));
        assertArrayEquals(whole.out(), step(lab, branch, x, weights, cut).out(), "the same sample in two runs");
        assertTrue(differs(whole.out(), step(lab, branch, x, weights, null).out()), "nothing is left out of tokens without names");
        TokenNames other = new TokenNames(List.of(new TokenNames.Run(0, 7, SAMPLE + 1, 0)));
        assertTrue(differs(whole.out(), step(lab, branch, x, weights, other).out()), "another sample has another mask");
        assertTrue(differs(whole.out(), step(lab, feedForward(lab, new Adapters(adapters(0.5f).byTensor(), 0.5f, 6)), x, weights, names(7)).out()), "another seed");
    }

    private static boolean differs(double[] a, double[] b) {
        return !Arrays.equals(a, b);
    }

    @Test
    void namesArePickedWithTheirTokens() {
        TokenNames names = new TokenNames(List.of(new TokenNames.Run(0, 4, 7, 10), new TokenNames.Run(4, 3, 8, 0)));
        assertEquals(List.of(new TokenNames.Run(0, 1, 7, 10), new TokenNames.Run(1, 2, 7, 12), new TokenNames.Run(3, 1, 8, 0), new TokenNames.Run(4, 1, 8, 2)),
                names.pick(new int[] {0, 2, 3, 4, 6}).runs());
        assertEquals(names, names.pick(new int[] {0, 1, 2, 3, 4, 5, 6}));
    }

    /** Each part's A and B serve that part alone: with one B not zero, only its columns change, by scale * x A^T B^T. */
    @Test
    void everyPartHasItsOwnAddition() {
        LayerLab lab = new LayerLab("llama", "", true, adapters(0));
        Adapters adapters = adapters(0);
        lab.engine.kernels().fill(lab.parameters.get(MLP + ".linear_fc1.lora_B.gate_proj.weight").value(), 0);
        Tensor b = lab.parameters.get(MLP + ".linear_fc1.lora_B.up_proj.weight").value();
        double[] a = lab.read(lab.parameters.get(MLP + ".linear_fc1.lora_A.weight").value());
        StackArena microBatch = StackArena.growing("micro-batch", lab.engine.memory(), 1 << 16);
        try (Arena.Frame frame = lab.run.open("step"); Pass pass = pass(lab, microBatch, null)) {
            double[] x = lab.activation(3);
            Tensor in = lab.tensor(frame, "x", x);
            Tensor with = frame.tensor("with", DType.F64, LayerLab.TOKENS, 10);
            Tensor without = frame.tensor("without", DType.F64, LayerLab.TOKENS, 10);
            linear(lab, ".linear_fc1.weight", adapters).forward(in, with, pass);
            linear(lab, ".linear_fc1.weight", Adapters.none()).forward(in, without, pass);
            double[] expected = lab.read(without);
            double[] bs = lab.read(b);
            for (int t = 0; t < LayerLab.TOKENS; t++) {
                for (int out = 0; out < 5; out++) {
                    for (int r = 0; r < 3; r++) {
                        double low = 0;
                        for (int i = 0; i < 6; i++) {
                            low += x[t * 6 + i] * a[(2 + r) * 6 + i];
                        }
                        expected[t * 10 + 5 + out] += 1.5 * low * bs[out * 3 + r];
                    }
                }
            }
            assertArrayEquals(expected, lab.read(with), 1e-12);
        }
    }
}
