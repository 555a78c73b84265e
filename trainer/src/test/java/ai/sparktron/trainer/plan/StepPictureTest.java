package ai.sparktron.trainer.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.train.RunSetup;
import java.util.List;
import org.junit.jupiter.api.Test;

class StepPictureTest {

    private static StepPicture picture(int layers, int microBatches, String words) {
        Options options = GridPlanTest.options(words);
        return new StepPicture(RunSetup.layout(options.parallel(), layers), microBatches);
    }

    @Test
    void oneForwardOneBackward() {
        StepPicture picture = picture(4, 3, "--num_ranks 2 --pipeline_model_parallel_size 2");
        assertEquals(3, picture.drawnMicroBatches(80));
        assertEquals(List.of("01..aa2bb.cc", ".0aa1bb2cc.."), picture.lines(3));
        assertEquals(1.0 / (3 + 1), picture.bubble(), 1e-12);
    }

    @Test
    void interleavedChunksDivideTheBubble() {
        assertEquals(3.0 / (2 * 8 + 3), picture(16, 8, "--num_ranks 4 --pipeline_model_parallel_size 4 --virtual_pipeline_model_parallel_size 2").bubble(), 1e-12);
    }

    @Test
    void ofManyMicroBatchesTheFirstAreDrawn() {
        StepPicture picture = picture(8, 64, "--num_ranks 4 --pipeline_model_parallel_size 4");
        assertEquals(17, picture.drawnMicroBatches(60));
        assertEquals(0, picture.drawnMicroBatches(10));
    }
}
