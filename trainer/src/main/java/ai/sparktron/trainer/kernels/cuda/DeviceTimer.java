package ai.sparktron.trainer.kernels.cuda;

import java.util.List;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;

/** How long work on the device's stream takes, by the device's own clock. Waits for the device: for choosing among kernels, never inside a step. */
final class DeviceTimer implements AutoCloseable {

    private static final int REPEATS = 3;
    /** Over those that are not clearly slower than the best. */
    private static final int ROUNDS = 4;
    private static final float CLEARLY_SLOWER = 1.25f;

    private final CudaDevice device;
    private final CUevent_st began = new CUevent_st();
    private final CUevent_st ended = new CUevent_st();

    DeviceTimer(CudaDevice device) {
        this.device = device;
        CudaDevice.check(cudart.cuEventCreate(began, cudart.CU_EVENT_DEFAULT), "cuEventCreate");
        CudaDevice.check(cudart.cuEventCreate(ended, cudart.CU_EVENT_DEFAULT), "cuEventCreate");
    }

    /**
     * Which of several works that do the same is the fastest. After a first look at all of them, the better ones take turns: clocks of a device that begins to work are
     * others than of one that has worked for a while, which must not be one work's gain.
     *
     * @return its index, from 0
     */
    int fastest(List<? extends Runnable> works) {
        device.requireNotRecording("timing kernels");
        float[] first = new float[works.size()];
        for (int i = 0; i < first.length; i++) {
            works.get(i).run();
            first[i] = time(works.get(i));
        }
        int best = shortest(first);
        float limit = first[best] * CLEARLY_SLOWER;
        float[] sums = new float[first.length];
        for (int i = 0; i < first.length; i++) {
            sums[i] = first[i] > limit ? Float.POSITIVE_INFINITY : 0;
        }
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < first.length; i++) {
                sums[i] += sums[i] == Float.POSITIVE_INFINITY ? 0 : time(works.get(i));
            }
        }
        return shortest(sums);
    }

    private static int shortest(float[] times) {
        int best = 0;
        for (int i = 1; i < times.length; i++) {
            best = times[i] < times[best] ? i : best;
        }
        return best;
    }

    /** Milliseconds of some runs of the work. */
    private float time(Runnable work) {
        CudaDevice.check(cudart.cuEventRecord(began, device.stream()), "cuEventRecord");
        for (int i = 0; i < REPEATS; i++) {
            work.run();
        }
        CudaDevice.check(cudart.cuEventRecord(ended, device.stream()), "cuEventRecord");
        CudaDevice.check(cudart.cuEventSynchronize(ended), "cuEventSynchronize");
        float[] milliseconds = new float[1];
        CudaDevice.check(cudart.cuEventElapsedTime(milliseconds, began, ended), "cuEventElapsedTime");
        return milliseconds[0];
    }

    @Override
    public void close() {
        cudart.cuEventDestroy(began);
        cudart.cuEventDestroy(ended);
    }
}
