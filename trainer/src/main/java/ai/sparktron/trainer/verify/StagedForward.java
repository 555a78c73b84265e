package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.parallel.StageLinks;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * One micro-batch through all stages, one after the other, up to its logits.
 *
 * @param chunks layers of this stage, in the order of the model
 * @param links  this stage
 */
record StagedForward(List<DecoderModel> chunks, StageLinks links) {

    /**
     * Runs this stage's share.
     *
     * @param begin  starts a pass of a chunk
     * @param logits takes what is wanted of the chunk with the head
     * @return what {@code logits} gave, null on other stages
     */
    float[] run(Function<DecoderModel, Pass> begin, BiFunction<DecoderModel, Pass, float[]> logits) {
        int stages = links.pipeline().stages();
        for (int chunk = 0; chunk < chunks.size(); chunk++) {
            DecoderModel model = chunks.get(chunk);
            try (Pass pass = begin.apply(model)) {
                if (chunk > 0 || links.stage() > 0) {
                    links.activations().receive(model.input(pass), (links.stage() + stages - 1) % stages).await();
                }
                if (chunk == chunks.size() - 1 && links.isLast()) {
                    return logits.apply(model, pass);
                }
                links.activations().send(model.forward(pass), (links.stage() + 1) % stages).await();
            }
        }
        return null;
    }
}
