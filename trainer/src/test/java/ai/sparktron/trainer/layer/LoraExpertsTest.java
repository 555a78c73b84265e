package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.model.Adapters;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.seam.TokenDeal;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Low-rank additions to all of a mixture: experts, of different ranks, the shared one and its gate, and the router. */
class LoraExpertsTest {

    private static final String KEYS = ",\"num_experts\":3,\"num_experts_per_tok\":2,\"moe_intermediate_size\":3,\"shared_expert_intermediate_size\":4";
    private static final String MIXTURE = "model.layers.0.mlp.";

    private static Map<String, LowRank> additions() {
        Map<String, LowRank> additions = new TreeMap<>();
        for (int e = 0; e < 3; e++) {
            additions.put(MIXTURE + "experts." + e + ".gate_proj.weight", new LowRank(2, 0.7));
            additions.put(MIXTURE + "experts." + e + ".up_proj.weight", new LowRank(3, 1.5));
            additions.put(MIXTURE + "experts." + e + ".down_proj.weight", new LowRank(2, -1.2));
        }
        additions.put(MIXTURE + "gate.weight", new LowRank(2, 0.8));
        additions.put(MIXTURE + "shared_expert_gate.weight", new LowRank(1, 1.1));
        additions.put(MIXTURE + "shared_expert.up_proj.weight", new LowRank(2, 0.9));
        return additions;
    }

    private static Adapters adapters(float dropout) {
        return new Adapters(additions(), dropout, 5);
    }

    private static LayerLab lab(boolean trainable, float dropout) {
        return new LayerLab("qwen2_moe", KEYS, trainable, adapters(dropout));
    }

    /** The mixture of the first layer, as models have it. */
    private static StreamLayer block(LayerLab lab, Adapters adapters, Recompute recompute) {
        DecoderModel.Options options = new DecoderModel.Options(new ModelPart(0, 1, false, false), Seams.single(), recompute, 1 << 16, 16, adapters);
        return new BlockFactory(lab.config, options, lab.parameters).blocks(ParameterUse.NONE);
    }

    @Nested
    class KeepsTheContract extends LayerContract {
        @Override
        String parametersNamed() {
            return "layers.0.";
        }

        @Override
        LayerLab lab(boolean trainable) {
            return LoraExpertsTest.lab(trainable, 0);
        }

        @Override
        Subject subject(LayerLab lab) {
            return Subject.of(block(lab, adapters(0), Recompute.none()), lab);
        }
    }

    private record Step(double[] out, double[] dx, double[] gradients) {
    }

    private static Step step(LayerLab lab, StreamLayer layer, double[] x, double[] weights, TokenNames names) {
        lab.clearGradients();
        LayerContract.Subject subject = LayerContract.Subject.of(layer, lab);
        StackArena microBatch = StackArena.growing("micro-batch", lab.engine.memory(), 1 << 16);
        Arena.Frame passFrame = microBatch.open("pass");
        HostTokens tokens = HostTokens.of(new int[LayerLab.TOKENS], null, null, LayerLab.POSITIONS, LayerLab.DOCUMENTS).named(names);
        TokenBatch batch = TokenBatch.upload(tokens, TokenDeal.whole(), 1, lab.engine, passFrame);
        try (Arena.Frame frame = lab.run.open("step");
                Pass pass = new Pass(lab.engine, PassArenas.alone(microBatch, lab.scratch), passFrame, Saved.keeping(microBatch), batch, lab.rope.tableFor(batch.reach(), passFrame), null, null,
                        new Pass.Borders(null, null, null), Pass.Mode.TRAIN)) {
            Tensor out = lab.tensor(frame, "out", new double[x.length]);
            Tensor in = lab.tensor(frame, "x", x);
            subject.forward(in, out, pass);
            double[] made = lab.read(out);
            Tensor dx = lab.tensor(frame, "dx", new double[x.length]);
            subject.backward(lab.tensor(frame, "dOut", weights), in, dx, pass);
            return new Step(made, lab.read(dx), lab.gradients());
        }
    }

    private static final TokenNames NAMES = new TokenNames(List.of(new TokenNames.Run(0, LayerLab.TOKENS, 1L << 40, 3)));

    @Test
    void gradientsAreThoseOfWhatWasLeftIn() {
        LayerLab lab = lab(true, 0.4f);
        StreamLayer layer = block(lab, adapters(0.4f), Recompute.none());
        double[] x = lab.activation(3);
        double[] weights = lab.activation(4);
        Step step = step(lab, layer, x, weights, NAMES);
        double[] numeric = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double[] up = x.clone();
            double[] down = x.clone();
            up[i] += 1e-4;
            down[i] -= 1e-4;
            double[] high = step(lab, layer, up, weights, NAMES).out();
            double[] low = step(lab, layer, down, weights, NAMES).out();
            for (int j = 0; j < high.length; j++) {
                numeric[i] += (high[j] - low[j]) / 2e-4 * weights[j];
            }
        }
        LayerContract.assertClose("input", numeric, step.dx(), 3e-6);
    }

    @Test
    void theMaskBelongsToTheToken() {
        LayerLab lab = lab(true, 0.5f);
        Adapters adapters = adapters(0.5f);
        StreamLayer layer = block(lab, adapters, Recompute.none());
        double[] x = lab.activation(3);
        double[] weights = lab.activation(4);
        Step whole = step(lab, layer, x, weights, NAMES);
        Step again = step(lab, block(lab, adapters, Recompute.selective(Set.of(Recompute.Module.MOE))), x, weights, NAMES);
        assertArrayEquals(whole.out(), again.out(), "computed again");
        assertArrayEquals(whole.gradients(), again.gradients(), "computed again");
        TokenNames others = new TokenNames(List.of(new TokenNames.Run(0, LayerLab.TOKENS, 1L << 40, 4)));
        assertFalse(Arrays.equals(whole.out(), step(lab, layer, x, weights, others).out()), "other tokens have another mask");
        assertFalse(Arrays.equals(whole.out(), step(lab, layer, x, weights, null).out()), "nothing is left out of tokens without names");
    }

    @Test
    void keysAreWholeNumbersThatFloatsHave() {
        float[] keys = new TokenNames(List.of(new TokenNames.Run(0, 3000, 7, 0), new TokenNames.Run(3000, 100, -1, 0))).keys(3200);
        assertTrue(Arrays.equals(Arrays.copyOf(keys, 10), new TokenNames(List.of(new TokenNames.Run(0, 10, 7, 0))).keys(10)), "keys do not depend on the rest");
        long distinct = IntStream.range(0, 3100).mapToLong(i -> (long) keys[i]).distinct().count();
        assertTrue(distinct > 3090, distinct + " of 3100");
        for (float key : keys) {
            assertTrue(key >= 0 && key < 1 << 24 && key == Math.rint(key), key + "");
        }
        assertTrue(keys[3199] == 0);
    }

    @Test
    void additionsToSomeExpertsAreRefused() {
        Map<String, LowRank> some = additions();
        some.remove(MIXTURE + "experts.2.up_proj.weight");
        LayerLab lab = lab(true, 0);
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> new Adapters(some, 0, 1).addTo(DecoderSpecs.of(lab.config)));
        assertTrue(refusal.getMessage().contains(MIXTURE + "experts.2.up_proj.weight") && refusal.getMessage().contains("all experts"), refusal.getMessage());
    }
}
