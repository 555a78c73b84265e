package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.parallel.schedule.Pipeline;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A pipeline stage and its way to the others: ranks with the same place on all other axes. Activations and gradients go over groups of their own, so that each
 * arrive in the order of sending, whatever of the other kind is under way.
 *
 * @param pipeline    stages and their chunks
 * @param activations ranks by stage, for what is sent forward
 * @param gradients   the same ranks, for what is sent backward
 */
public record StageLinks(Pipeline pipeline, Communicator activations, Communicator gradients) {

    /** This rank's stage. */
    public int stage() {
        return activations.rank();
    }

    /** Whether this stage has the head and the loss. */
    public boolean isLast() {
        return stage() == pipeline.stages() - 1;
    }

    /** Uses every connection between neighbours once. @param scalar float32 [1], zero before and after */
    void warmUp(Tensor scalar) {
        boolean ring = pipeline.chunks() > 1;
        List<Transfer> transfers = new ArrayList<>();
        int stages = pipeline.stages();
        int before = (stage() + stages - 1) % stages;
        int behind = (stage() + 1) % stages;
        if (stage() > 0 || ring) {
            transfers.add(gradients.send(scalar, before));
            transfers.add(activations.receive(scalar, before));
        }
        if (!isLast() || ring) {
            transfers.add(activations.send(scalar, behind));
            transfers.add(gradients.receive(scalar, behind));
        }
        transfers.forEach(Transfer::await);
    }
}
