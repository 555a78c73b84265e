package ai.sparktron.trainer.kernels;

/** Makes the engine of one rank. Serializable recipes live with the options; a factory is made where the device is. */
@FunctionalInterface
public interface EngineFactory {

    /**
     * @param deviceIndex index of the GPU for device engines (Spark's resource address); ignored by host engines
     * @throws IllegalStateException when there is no such device, or a library is missing: never falls back to another engine
     */
    Engine open(int deviceIndex);
}
