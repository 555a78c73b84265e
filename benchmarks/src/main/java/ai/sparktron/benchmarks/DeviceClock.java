package ai.sparktron.benchmarks;

import ai.sparktron.trainer.kernels.DeviceStreams;
import ai.sparktron.trainer.kernels.Engine;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/** Moments of a GPU's stream of kernels, taken by the GPU itself: marks are events between kernels, which nothing waits for. */
final class DeviceClock implements AutoCloseable {

    private final Engine engine;
    private final CUstream_st stream;
    private final List<CUevent_st> marks = new ArrayList<>();
    private int used;

    DeviceClock(Engine engine) {
        this.engine = engine;
        long ofStream = ((DeviceStreams) engine).compute();
        this.stream = new CUstream_st(new Pointer() {
            {
                address = ofStream;
            }
        });
    }

    /** Forgets the marks. */
    void reset() {
        used = 0;
    }

    /** The moment when all that was launched so far is done. @return number of the mark */
    int mark() {
        if (used == marks.size()) {
            CUevent_st event = new CUevent_st();
            check(cudart.cuEventCreate(event, cudart.CU_EVENT_DEFAULT));
            marks.add(event);
        }
        check(cudart.cuEventRecord(marks.get(used), stream));
        return used++;
    }

    /** Seconds from a mark to a later one; waits for all that was launched. */
    double seconds(int from, int to) {
        engine.synchronize();
        float[] milliseconds = new float[1];
        check(cudart.cuEventElapsedTime(milliseconds, marks.get(from), marks.get(to)));
        return milliseconds[0] * 1e-3;
    }

    @Override
    public void close() {
        marks.forEach(cudart::cuEventDestroy);
    }

    private static void check(int result) {
        if (result != cudart.CUDA_SUCCESS) {
            throw new IllegalStateException("the driver answered " + result);
        }
    }
}
