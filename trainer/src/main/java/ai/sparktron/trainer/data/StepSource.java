package ai.sparktron.trainer.data;

import java.util.Iterator;

/** Steps of data, one after the other, for one thread. Ends for evaluation, never for training. */
public interface StepSource extends Iterator<StepData>, AutoCloseable {

    /** Stops reading; does not close the rows underneath. */
    @Override
    void close();
}
