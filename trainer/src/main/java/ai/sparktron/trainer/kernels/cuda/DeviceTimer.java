package ai.sparktron.trainer.kernels.cuda;

import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;

/** How long work on the device's stream takes, by the device's own clock. Waits for the device: for choosing among kernels, never inside a step. */
final class DeviceTimer implements AutoCloseable {

    private static final int REPEATS = 3;

    private final CudaDevice device;
    private final CUevent_st began = new CUevent_st();
    private final CUevent_st ended = new CUevent_st();

    DeviceTimer(CudaDevice device) {
        this.device = device;
        CudaDevice.check(cudart.cuEventCreate(began, cudart.CU_EVENT_DEFAULT), "cuEventCreate");
        CudaDevice.check(cudart.cuEventCreate(ended, cudart.CU_EVENT_DEFAULT), "cuEventCreate");
    }

    /** Milliseconds of some runs of the work, after one that is not counted. */
    float time(Runnable work) {
        device.requireNotRecording("timing kernels");
        work.run();
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
