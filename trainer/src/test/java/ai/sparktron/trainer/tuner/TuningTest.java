package ai.sparktron.trainer.tuner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.ConfigurationException;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.LowRank;
import ai.sparktron.trainer.model.ParameterSpec;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What options train of a model, by the names of both worlds. */
class TuningTest {

    private static final String SHAPE = "\"hidden_size\":8,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":4,"
            + "\"intermediate_size\":10,\"vocab_size\":20,\"max_position_embeddings\":64,";
    private static final List<ParameterSpec> QWEN2 = model("qwen2", false);
    private static final List<ParameterSpec> TIED = model("qwen3", true);

    private static List<ParameterSpec> model(String family, boolean tied) {
        return DecoderSpecs.of(ConfigReader.parse("{" + SHAPE + "\"model_type\":\"" + family + "\",\"tie_word_embeddings\":" + tied + "}", "test"));
    }

    private static Tuning tuning(List<ParameterSpec> model, String... words) {
        return Tuning.of(Options.of(Command.SFT, words).tuner(), model, 7);
    }

    private static Tuning lora(List<ParameterSpec> model, String... more) {
        String[] words = new String[more.length + 2];
        words[0] = "--train_type";
        words[1] = "lora";
        System.arraycopy(more, 0, words, 2, more.length);
        return tuning(model, words);
    }

    /** Names of the tensors with additions, without the layers' number. */
    private static Set<String> targets(Tuning tuning) {
        return tuning.adapters().byTensor().keySet().stream().map(name -> name.replaceAll("model\\.layers\\.\\d\\.", "").replace(".weight", ""))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void byDefaultEveryLinearHasAnAdditionOfItsOwnAndNothingElseIsTrained() {
        Tuning tuning = lora(QWEN2);
        assertEquals(Set.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
                targets(tuning));
        assertEquals(14, tuning.adapters().byTensor().size());
        assertEquals(new LowRank(8, 4), tuning.adapters().byTensor().get("model.layers.1.mlp.up_proj.weight"), "32 / 8");
        assertTrue(tuning.trained().isEmpty());
        long trained = tuning.applyTo(QWEN2).stream().filter(ParameterSpec::trainable).mapToLong(ParameterSpec::elements).sum();
        assertEquals(2 * 8 * ((8 + 16) + 2 * (8 + 8) + (16 + 8) + 2 * (8 + 10) + (10 + 8)), trained, "rank 8 x (in + out) of each of the seven in two layers");
        assertEquals(List.of("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"), tuning.peft().orElseThrow().targetModules());
        assertTrue(tuning.summary(QWEN2).get(0).startsWith(String.format("%,d of ", trained)), tuning.summary(QWEN2).toString());
        assertEquals(1 + 4 + 7, tuning.summary(QWEN2).size(), "A of four products and B of seven tensors");
    }

    @ParameterizedTest
    @CsvSource({"linear_qkv, 6", "linear_proj linear_fc1, 6", "q_proj v_proj, 4", "model.layers.1.self_attn.q_proj, 1", "decoder.layers.0.mlp.linear_fc1, 2",
        "all-embedding, 1", "all-linear all-embedding, 15", "mlp.down_proj, 2", "output_layer, 1", "lm_head, 1"})
    void modulesAreNamedInBothLanguages(String words, int count) {
        String[] all = ("--target_modules " + words).split(" ");
        assertEquals(count, lora(QWEN2, all).adapters().byTensor().size());
    }

    @Test
    void aPatternFitsWholeNamesAndGoesBeforeTheList() {
        assertEquals(2, lora(QWEN2, "--target_regex", "model\\.layers\\.0\\.mlp\\.(gate|up)_proj").adapters().byTensor().size());
        assertEquals(3, lora(QWEN2, "--target_regex", "decoder.*layers\\.1\\..*linear_qkv", "--target_modules", "linear_fc1").adapters().byTensor().size());
        assertThrows(ConfigurationException.class, () -> lora(QWEN2, "--target_regex", "q_proj"), "a part of a name");
    }

    @Test
    void targetsThatPeftWouldUnderstandOtherwiseAreWrittenInFull() {
        Tuning tuning = lora(QWEN2, "--target_modules", "decoder.layers.0.mlp.linear_fc2", "o_proj");
        assertEquals(List.of("model.layers.0.mlp.down_proj", "o_proj"), tuning.peft().orElseThrow().targetModules());
    }

    @Test
    void scaleIsAlphaOverRankOrOverItsRoot() {
        assertEquals(2, lora(QWEN2, "--lora_rank", "16").adapters().byTensor().values().iterator().next().scale());
        assertEquals(8, lora(QWEN2, "--lora_rank", "16", "--use_rslora", "true").adapters().byTensor().values().iterator().next().scale());
        assertEquals(0.75, lora(QWEN2, "--lora_rank", "4", "--lora_alpha", "3").adapters().byTensor().values().iterator().next().scale());
    }

    @Test
    void savedModulesAreTrainedWholeAndHaveNoAddition() {
        Tuning tuning = lora(QWEN2, "--modules_to_save", "word_embeddings", "lm_head", "linear_fc2");
        assertEquals(Set.of(DecoderSpecs.EMBEDDING, DecoderSpecs.HEAD, "decoder.layers.0.mlp.linear_fc2.weight", "decoder.layers.1.mlp.linear_fc2.weight"),
                tuning.trained());
        assertFalse(targets(tuning).contains("mlp.down_proj"));
        assertEquals(List.of("embed_tokens", "lm_head", "model.layers.0.mlp.down_proj", "model.layers.1.mlp.down_proj"), tuning.peft().orElseThrow().modulesToSave());
        assertEquals(List.of("embed_tokens", "lm_head"), lora(TIED, "--modules_to_save", "embed_tokens").peft().orElseThrow().modulesToSave(),
                "a tied head is another module to PEFT");
    }

    @Test
    void allBiasesAreTrainedOnRequest() {
        assertEquals(Set.of("decoder.layers.0.self_attention.linear_qkv.bias", "decoder.layers.1.self_attention.linear_qkv.bias"),
                lora(QWEN2, "--lora_bias", "all").trained());
    }

    private static void refused(List<ParameterSpec> model, String expected, String... words) {
        ConfigurationException refusal = assertThrows(ConfigurationException.class, () -> tuning(model, words));
        assertTrue(refusal.getMessage().contains(expected), refusal.getMessage());
    }

    @Test
    void wordsThatMeanNothingAreRefusedByName() {
        refused(QWEN2, "linear_qqq is no module", "--train_type", "lora", "--target_modules", "linear_qqq");
        refused(QWEN2, "all-router is no module", "--train_type", "lora", "--target_modules", "all-router");
        refused(TIED, "lm_head is no module", "--train_type", "lora", "--modules_to_save", "lm_head");
        refused(QWEN2, "is a part of decoder.layers.0.self_attention.linear_qkv.weight", "--train_type", "lora", "--modules_to_save", "k_proj");
        refused(QWEN2, "--freeze_parameters decoder.laiers", "--freeze_parameters", "decoder.laiers");
        refused(QWEN2, "means a part of decoder.layers.0.self_attention.linear_qkv.weight", "--freeze_parameters", "model.layers.0.self_attn.q_proj");
        refused(QWEN2, "no regular expression", "--freeze_parameters_regex", "(");
        refused(QWEN2, "leave no parameter to train", "--freeze_parameters_ratio", "1");
    }

    private static Set<String> trained(String... words) {
        return tuning(QWEN2, words).trained();
    }

    @Test
    void freezingByBeginningAndPatternAndWhatIsTrainedAfterAll() {
        int all = QWEN2.size();
        assertEquals(all, trained().size());
        assertEquals(all - 1, trained("--freeze_parameters", "embedding").size());
        assertEquals(trained("--freeze_parameters", "decoder.layers.0."), trained("--freeze_parameters", "model.layers.0."));
        assertEquals(Set.of(DecoderSpecs.HEAD), trained("--freeze_parameters", "decoder.", "embedding."));
        assertEquals(all - 4, trained("--freeze_parameters_regex", "layer_norm_weight").size());
        assertEquals(Set.of("decoder.layers.1.mlp.linear_fc2.weight", DecoderSpecs.HEAD), trained("--freeze_parameters_ratio", "1", "--trainable_parameters", "output_layer",
                "--trainable_parameters_regex", "layers\\.1\\..*down_proj"));
        assertTrue(tuning(QWEN2).adapters().isEmpty() && tuning(QWEN2).peft().isEmpty());
    }

    /** As numpy's searchsorted over the running sum does it: the first parameters that together have no more than the share. */
    @Test
    void aShareFromTheBottomIsFrozen() {
        long total = QWEN2.stream().mapToLong(ParameterSpec::elements).sum();
        long embedding = QWEN2.get(0).elements();
        assertEquals(QWEN2.size(), trained("--freeze_parameters_ratio", String.valueOf((embedding - 0.5) / total)).size(), "the embedding is more than the share");
        assertFalse(trained("--freeze_parameters_ratio", String.valueOf((embedding + 0.5) / total)).contains(DecoderSpecs.EMBEDDING));
        assertEquals(QWEN2.size() - 2, trained("--freeze_parameters_ratio", String.valueOf((embedding + 8.5) / total)).size(), "and the first norm");
    }
}
