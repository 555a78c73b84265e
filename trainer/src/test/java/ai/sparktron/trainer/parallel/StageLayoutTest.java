package ai.sparktron.trainer.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.model.ModelPart;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How layers are dealt to stages, and what is said where they cannot be. */
class StageLayoutTest {

    private static StageSplit split(Integer first, Integer last, Integer chunks, Integer layersPerChunk, Integer group, String layout) {
        return new StageSplit(Optional.ofNullable(first), Optional.ofNullable(last), Optional.ofNullable(chunks), Optional.ofNullable(layersPerChunk),
                Optional.ofNullable(group), Optional.ofNullable(layout));
    }

    /** Layers by stage, with {@code E} before what embeds and {@code L} behind what has the head. */
    private static List<String> parts(StageLayout layout) {
        List<String> stages = new ArrayList<>();
        for (List<ModelPart> chunks : layout.parts()) {
            List<String> texts = new ArrayList<>();
            for (ModelPart part : chunks) {
                texts.add((part.hasEmbedding() ? "E" : "") + part.firstLayer() + "+" + part.layers() + (part.hasHead() ? "L" : ""));
            }
            stages.add(String.join(" ", texts));
        }
        return stages;
    }

    @Test
    void evenly() {
        assertEquals(List.of("E0+6L"), parts(StageLayout.of(StageSplit.even(), 1, 6)));
        assertEquals(List.of("E0+2", "2+2", "4+2L"), parts(StageLayout.of(StageSplit.even(), 3, 6)));
    }

    @Test
    void firstAndLastStageApart() {
        assertEquals(List.of("E0+1", "1+3", "4+3", "7+2L"), parts(StageLayout.of(split(1, 2, null, null, null, null), 4, 9)));
        assertEquals(List.of("E0+4", "4+2L"), parts(StageLayout.of(split(4, null, null, null, null, null), 2, 6)));
        assertEquals(List.of("E0+4", "4+2L"), parts(StageLayout.of(split(4, 2, null, null, null, null), 2, 6)));
    }

    /** Chunks are dealt in turn; uneven stages have chunks of their own size. */
    @Test
    void inChunks() {
        StageLayout two = StageLayout.of(split(null, null, 2, null, null, null), 2, 8);
        assertEquals(List.of("E0+2 4+2", "2+2 6+2L"), parts(two));
        assertEquals(parts(two), parts(StageLayout.of(split(null, null, null, 2, null, null), 2, 8)));
        assertEquals(2, two.pipeline().group());
        assertEquals(5, StageLayout.of(split(null, null, 2, null, 5, null), 2, 8).pipeline().group());
        assertEquals(List.of("E0+1 6+1", "1+3 7+3", "4+2 10+2L"), parts(StageLayout.of(split(2, 4, 2, null, null, null), 3, 12)));
        assertEquals("2+2 | 2+2", two.text());
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
        "Ett|ttL; 2; E0+2, 2+2L", "Et*2|t*2L; 2; E0+2, 2+2L", "E|(tt|)*2,L; 2; E0+0 2+2, 0+2 4+0L", "E t, t | (t|)*2 tL; 4; E0+2, 2+1, 3+1, 4+1L",
        "((E)*1t|t)*1|(t(t)*2)*1|L; 2; E0+1 2+3, 1+1 5+0L"
    })
    void byText(String text, int stages, String expected) {
        int layers = (int) LayoutText.stages(text).stream().flatMapToInt(String::chars).filter(letter -> letter == 't').count();
        assertEquals(expected, String.join(", ", parts(StageLayout.of(split(null, null, null, null, null, text), stages, layers))));
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
        "Et|m|tL; 3; 2; multi-token prediction", "Etx|tL; 2; 2; there is a x", "Et|(t|tL; 2; 2; a ( is not closed", "Et|t)L; 2; 2; a ) closes nothing",
        "Et*|tL; 2; 2; a * needs a number", "Et||tL; 3; 2; stage 1 of 3 holds nothing", "t|tL; 2; 2; one E", "Et|EtL; 2; 2; one E", "Et|t; 2; 2; one L",
        "EtL|tL; 2; 2; one L", "Et|ttL; 2; 2; it has 3 t, and the model has 2 layers", "Et|t|L; 2; 2; 3 stretches between | do not divide over --pipeline_model_parallel_size 2"
    })
    void textsThatCannotBe(String text, int stages, int layers, String problem) {
        assertRefused(split(null, null, null, null, null, text), stages, layers, "--pipeline_model_parallel_layout " + text, problem);
    }

    @Test
    void whatDoesNotFitNamesBothOptions() {
        assertRefused(StageSplit.even(), 4, 6, "--pipeline_model_parallel_size 4", "6 layers (num_hidden_layers)");
        assertRefused(split(2, 3, null, null, null, null), 4, 10, "--decoder_first_pipeline_num_layers 2", "--decoder_last_pipeline_num_layers 3", "5 for 2 stages");
        assertRefused(split(4, 3, null, null, null, null), 2, 6, "--decoder_first_pipeline_num_layers 4", "-1 for 0 stages");
        assertRefused(split(null, null, 2, null, null, null), 2, 6, "--virtual_pipeline_model_parallel_size 2", "3 layers of stage 0", "--pipeline_model_parallel_size 2");
        assertRefused(split(null, null, null, 2, null, null), 2, 6, "--num_layers_per_virtual_pipeline_stage 2", "3 layers", "--pipeline_model_parallel_size 2");
        assertRefused(split(null, null, 2, 1, null, null), 2, 4, "--num_layers_per_virtual_pipeline_stage 1", "--virtual_pipeline_model_parallel_size 2", "keep one");
        assertRefused(split(1, null, null, 1, null, null), 2, 4, "--num_layers_per_virtual_pipeline_stage 1", "--decoder_first_pipeline_num_layers 1", "keep one");
        assertRefused(split(1, null, null, null, null, "Et|tL"), 2, 2, "--pipeline_model_parallel_layout Et|tL", "--decoder_first_pipeline_num_layers 1", "keep one");
        assertRefused(split(null, null, 2, null, 1, null), 2, 4, "--microbatch_group_size_per_vp_stage 1", "--pipeline_model_parallel_size 2");
        assertRefused(split(null, null, null, null, 4, null), 2, 4, "--microbatch_group_size_per_vp_stage 4", "--virtual_pipeline_model_parallel_size");
        for (StageSplit alone : List.of(split(1, null, null, null, null, null), split(null, 1, null, null, null, null), split(null, null, 2, null, null, null),
                split(null, null, null, 1, null, null), split(null, null, null, null, null, "EttL"))) {
            assertRefused(alone, 1, 2, "--pipeline_model_parallel_size above 1");
        }
    }

    /** Layers of 3 and 1 are as uneven as 6 and 2; stretches without layers take no time. */
    @Test
    void theTimelineCountsLayers() {
        assertEquals(2 * (3 + 6), StageLayout.of(split(6, 2, null, null, null, null), 2, 8).timeline(2).length());
        assertEquals(0.2, StageLayout.of(StageSplit.even(), 2, 8).timeline(4).bubble(), 1e-9);
        assertEquals(6, StageLayout.of(split(null, null, null, null, null, "E|tt|L"), 3, 2).timeline(2).length());
    }

    private static void assertRefused(StageSplit split, int stages, int layers, String... parts) {
        String message = assertThrows(IllegalArgumentException.class, () -> StageLayout.of(split, stages, layers)).getMessage();
        for (String part : parts) {
            assertTrue(message.contains(part), message + " must say: " + part);
        }
    }
}
