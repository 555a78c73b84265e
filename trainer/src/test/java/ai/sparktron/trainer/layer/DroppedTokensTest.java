package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.DropPolicy;
import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.model.RouterConfig;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.seam.TokenDispatcher;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What an expert has no room for changes the row of its token and no other, there and back. */
class DroppedTokensTest {

    private static final int EXPERTS = 6;
    private static final int CHOSEN = 2;
    private static final String MOE = "decoder.layers.0.mlp.";
    private static final RoutingRule RULE = RoutingRule.plain(EXPERTS, CHOSEN, RoutingRule.Score.SOFTMAX, true, 1);

    /** What a mixture made of all tokens, and of a gradient at its output. */
    private record Made(double[] out, double[] dx, int[] kept) {
    }

    private static Router router(LayerLab lab, double capacityFactor, DropPolicy policy) {
        Balancing balancing = new Balancing(Balancing.Loss.MICRO_BATCH, 0, 0, Balancing.Choice.SCORES, capacityFactor, policy);
        return new Router(new ScoreLinear(lab.parameters.get(MOE + "router.weight"), null, RouterConfig.Arithmetic.FP32), null, RULE, balancing, null, Seams.single());
    }

    private static Made make(double capacityFactor, DropPolicy policy) {
        LayerLab lab = new LayerLab("qwen3_moe", ",\"num_experts\":6,\"num_experts_per_tok\":2,\"moe_intermediate_size\":3,\"norm_topk_prob\":true", true);
        Router router = router(lab, capacityFactor, policy);
        MixtureOfExperts mixture = new MixtureOfExperts("mixture", router, new DenseExperts(lab.parameters.get(MOE + "experts.linear_fc1.weight")),
                new DenseExperts(lab.parameters.get(MOE + "experts.linear_fc2.weight")), null, TokenDispatcher.local());
        try (StackArena microBatch = StackArena.growing("micro-batch", lab.engine.memory(), 1 << 16);
                Pass pass = lab.begin(Pass.Mode.TRAIN, microBatch, 1, false); Arena.Frame frame = lab.run.open("test")) {
            Tensor x = lab.tensor(frame, "x", lab.activation(3));
            Tensor out = lab.tensor(frame, "out", lab.activation(4));
            Tensor dx = lab.tensor(frame, "dx", lab.activation(5));
            int[] kept;
            try (Saved.Slot slot = pass.saved().push("look")) {
                kept = ints(lab, router.forward(x, slot, pass).kept());
            }
            pass.saved().pop("look").close();
            mixture.forward(x, out, pass);
            mixture.backward(lab.tensor(frame, "dOut", lab.activation(6)), x, dx, pass);
            return new Made(lab.read(out), lab.read(dx), kept);
        }
    }

    private static int[] ints(LayerLab lab, Tensor tensor) {
        assertEquals(DType.I32, tensor.dtype());
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) tensor.sizeBytes()).order(ByteOrder.nativeOrder());
        lab.engine.read(tensor, bytes);
        int[] values = new int[(int) tensor.elements()];
        bytes.clear().asIntBuffer().get(values);
        return values;
    }

    private static double[] row(double[] all, int token) {
        int columns = all.length / LayerLab.TOKENS;
        return Arrays.copyOfRange(all, token * columns, (token + 1) * columns);
    }

    @ParameterizedTest
    @EnumSource(DropPolicy.class)
    void otherRowsKeepTheirBits(DropPolicy policy) {
        Made all = make(0, policy);
        Made limited = make(0.8, policy);
        int[] perExpert = new int[EXPERTS];
        int whole = 0;
        int changed = 0;
        for (int token = 0; token < LayerLab.TOKENS; token++) {
            int lost = 0;
            for (int slot = token * CHOSEN; slot < (token + 1) * CHOSEN; slot++) {
                lost += limited.kept()[slot] < 0 ? 1 : 0;
                assertTrue(limited.kept()[slot] < 0 || limited.kept()[slot] == all.kept()[slot], "a slot goes where it chose to, or nowhere");
                perExpert[Math.max(0, limited.kept()[slot])] += limited.kept()[slot] < 0 ? 0 : 1;
            }
            if (lost == 0) {
                whole++;
                assertArrayEquals(row(all.out(), token), row(limited.out(), token), "token " + token);
                assertArrayEquals(row(all.dx(), token), row(limited.dx(), token), "gradient of token " + token);
                continue;
            }
            changed++;
            assertFalse(Arrays.equals(row(all.out(), token), row(limited.out(), token)), "token " + token + " lost " + lost);
            if (lost == CHOSEN) {
                assertArrayEquals(new double[6], row(limited.out(), token), "no expert took token " + token);
                assertArrayEquals(new double[6], row(limited.dx(), token), "no expert took token " + token);
            }
        }
        // ceil(0.8 * 7 * 2 / 6) = 2 tokens an expert.
        assertTrue(Arrays.stream(perExpert).allMatch(count -> count <= 2), Arrays.toString(perExpert));
        assertTrue(whole > 0 && changed > 0, whole + " whole, " + changed + " changed: the test sees too little");
    }
}
