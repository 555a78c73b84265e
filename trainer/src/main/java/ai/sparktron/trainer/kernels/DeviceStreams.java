package ai.sparktron.trainer.kernels;

/** What communication must know of a rank's device. Engines whose tensors lie on a device are one. */
public interface DeviceStreams {

    /** Ordinal of the GPU as this process counts them. */
    int device();

    /** The stream ({@code cudaStream_t}) that the rank's kernels are enqueued on; collectives join it. Lives as long as the engine. */
    long compute();
}
