package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.SelfWorld;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.OutOfDeviceMemoryException;
import ai.sparktron.trainer.train.metrics.Figures;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that does not fit says what takes the memory and what would free how much of it. */
class MemoryAdviceTest {

    @TempDir
    private Path directory;

    /** The CPU engine with so many blocks of memory. */
    private static EngineFactory withBlocks(int most) {
        return device -> {
            Engine real = Nd4jEngines.factory(Nd4jEngines.Face.HOST).open(device);
            int[] taken = {0};
            Memory memory = (sizeBytes, purpose) -> {
                if (++taken[0] > most) {
                    throw new OutOfDeviceMemoryException("no room for " + sizeBytes + " bytes for " + purpose);
                }
                return real.memory().allocate(sizeBytes, purpose);
            };
            return (Engine) Proxy.newProxyInstance(Engine.class.getClassLoader(), new Class<?>[] {Engine.class}, (proxy, method, arguments) -> {
                try {
                    return method.getName().equals("memory") ? memory : method.invoke(real, arguments);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            });
        };
    }

    @Test
    void whatDoesNotFitIsAccountedFor() throws Exception {
        TinyRun tiny = new TinyRun(directory);
        Options options = TinyRun.options("--micro_batch_size", "4", "--max_length", "20");
        RunPlan plan = tiny.plan(options, tiny.shards("train", 20, 1), null, "run");
        OutOfDeviceMemoryException full = assertThrows(OutOfDeviceMemoryException.class, () -> new TrainRun(plan, new RankContext(new SelfWorld(), withBlocks(2), 0, "a0",
                false, new TinyRun.Listener())).run());
        assertTrue(full.getMessage().startsWith("no room for ") && full.getMessage().contains("A step of rank 0 of 1 takes "), full.getMessage());
        ModelConfig config = ConfigReader.read(tiny.model);
        String text = new MemoryAdvice(options, config, 0, 1, 20).text();
        assertTrue(full.getMessage().endsWith(text), full.getMessage());
        MemoryUse use = measure(options, config);
        assertTrue(text.contains("takes " + Figures.bytes(use.total())) && text.contains("weights " + Figures.bytes(use.weights()))
                && text.contains("activations " + Figures.bytes(use.activations())), text);
        MemoryUse again = measure(options.with(Map.of("recompute_granularity", "full", "recompute_method", "uniform", "recompute_num_layers", "1")), config);
        assertTrue(text.contains("--recompute_granularity full --recompute_method uniform --recompute_num_layers 1: " + Figures.bytes(use.total() - again.total())), text);
        MemoryUse half = measure(options.with("micro_batch_size", "2"), config);
        assertTrue(text.contains("--micro_batch_size 2: " + Figures.bytes(use.total() - half.total())), text);
        assertEquals(-1, text.indexOf("--use_distributed_optimizer"), "one rank has nobody to share with: " + text);
    }

    @Test
    void weightsAloneAreAdvisedWhereTheyAreNarrow() throws Exception {
        ModelConfig config = ConfigReader.read(new TinyRun(directory).model);
        String alone = "--use_precision_aware_optimizer true --main_params_dtype bf16";
        Options narrow = TinyRun.options("--bf16", "true", "--max_length", "20");
        MemoryUse use = measure(narrow, config);
        MemoryUse rounded = measure(narrow.with(Map.of("use_precision_aware_optimizer", "true", "main_params_dtype", "bf16")), config);
        String text = new MemoryAdvice(narrow, config, 0, 1, 20).text();
        assertTrue(text.contains(alone + ": " + Figures.bytes(use.total() - rounded.total())), text);
        assertEquals(-1, new MemoryAdvice(TinyRun.options("--max_length", "20"), config, 0, 1, 20).text().indexOf(alone), "float32 values are main weights already");
    }

    private static MemoryUse measure(Options options, ModelConfig config) {
        return RankMeasurement.of(options, RankMeasurement.Subject.of(options, config, 20), 0, 1).memory();
    }
}
