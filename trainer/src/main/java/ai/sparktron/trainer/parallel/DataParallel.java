package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.ParameterSpec;

/** Replicas that see other rows: every gradient is a share of the global batch's. */
final class DataParallel implements ParallelStrategy {

    @Override
    public Axis axis() {
        return Axis.DATA;
    }

    @Override
    public boolean gradientIsPartial(ParameterSpec parameter) {
        return true;
    }
}
