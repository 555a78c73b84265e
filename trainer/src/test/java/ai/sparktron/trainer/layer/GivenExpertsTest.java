package ai.sparktron.trainer.layer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ai.sparktron.trainer.kernels.RoutingRule;
import ai.sparktron.trainer.kernels.TensorAccess;
import ai.sparktron.trainer.model.RouterConfig;
import ai.sparktron.trainer.seam.ExpertChoices;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A router that is given experts takes these, in their order, whatever its rule says, and weighs them by its own scores. */
class GivenExpertsTest {

    private static final int EXPERTS = 6;
    private static final int CHOSEN = 2;
    private static final float SCALE = 2.5f;
    private static final String WEIGHT = "decoder.layers.0.mlp.router.weight";
    /** Both of a token's experts of one group: 0 and 1, 2 and 3, or 4 and 5. */
    private static final RoutingRule RULE = new RoutingRule(EXPERTS, CHOSEN, RoutingRule.Score.SIGMOID, 3, 1, 2, true, SCALE);

    /** What is asked of a router, and what it is given: null = nothing. */
    private static final class Choices implements ExpertChoices {
        private final int[] given;
        private final List<String> asked = new ArrayList<>();
        private final List<int[]> heard = new ArrayList<>();

        Choices(int[] given) {
            this.given = given;
        }

        @Override
        public int[] given(String router, int slots) {
            asked.add(router + " " + slots);
            return given;
        }

        @Override
        public void chosen(String router, Tensor ids, TensorAccess memory) {
            ByteBuffer bytes = ByteBuffer.allocateDirect((int) ids.sizeBytes()).order(ByteOrder.nativeOrder());
            memory.read(ids, bytes);
            int[] values = new int[(int) ids.elements()];
            bytes.clear().asIntBuffer().get(values);
            heard.add(values);
        }
    }

    /** Logits and weights of a forward. */
    private record Forward(double[] logits, double[] weights) {
    }

    private static Forward forward(Choices choices) {
        LayerLab lab = new LayerLab("qwen3_moe", ",\"num_experts\":6,\"num_experts_per_tok\":2,\"moe_intermediate_size\":3,\"norm_topk_prob\":true", true);
        Router router = new Router(new ScoreLinear(lab.parameters.get(WEIGHT), null, RouterConfig.Arithmetic.FP32), null, RULE, Balancing.none(), null,
                Seams.single().with(choices));
        try (StackArena microBatch = StackArena.growing("micro-batch", lab.engine.memory(), 1 << 16);
                Pass pass = lab.begin(Pass.Mode.TRAIN, microBatch, 1, false); Arena.Frame frame = lab.run.open("test")) {
            Forward made;
            try (Saved.Slot slot = pass.saved().push("look")) {
                Router.Routed routed = router.forward(lab.tensor(frame, "x", lab.activation(3)), slot, pass);
                made = new Forward(lab.read(routed.logits()), lab.read(routed.weights()));
            }
            pass.saved().pop("look").close();
            return made;
        }
    }

    @Test
    void itTakesTheExpertsThatItIsGivenAndWeighsThemItself() {
        int[] given = new int[LayerLab.TOKENS * CHOSEN];
        for (int token = 0; token < LayerLab.TOKENS; token++) {
            // The larger index first, and no two of one group.
            given[CHOSEN * token] = 4 + token % 2;
            given[CHOSEN * token + 1] = token % 4;
        }
        Choices choices = new Choices(given);
        Forward made = forward(choices);
        assertEquals(List.of(WEIGHT + " " + given.length), choices.asked);
        assertArrayEquals(given, choices.heard.get(0));
        for (int token = 0; token < LayerLab.TOKENS; token++) {
            double first = score(made, token, given[CHOSEN * token]);
            double second = score(made, token, given[CHOSEN * token + 1]);
            assertEquals(SCALE * first / (first + second), made.weights()[CHOSEN * token], 1e-6, "token " + token);
            assertEquals(SCALE * second / (first + second), made.weights()[CHOSEN * token + 1], 1e-6, "token " + token);
        }
    }

    private static double score(Forward made, int token, int expert) {
        return 1 / (1 + Math.exp(-made.logits()[token * EXPERTS + expert]));
    }

    @Test
    void itsOwnChoiceGivenBackChangesNothing() {
        Choices own = new Choices(null);
        Forward free = forward(own);
        assertEquals(1, own.heard.size());
        Choices given = new Choices(own.heard.get(0));
        assertArrayEquals(free.weights(), forward(given).weights());
        assertArrayEquals(own.heard.get(0), given.heard.get(0));
        assertFalse(Arrays.stream(own.heard.get(0)).allMatch(expert -> expert == own.heard.get(0)[0]), "all tokens go to one expert: the test sees too little");
    }
}
