package ai.sparktron.trainer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.SelfWorld;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Slicing;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When units of a shared model come and go beside layers, and that nobody works with what is not there yet. */
class UnitTrafficTest {

    private static final int LAYERS = 4;
    private static final ModelConfig CONFIG = ConfigReader.parse("{\"model_type\":\"llama\",\"hidden_size\":8,\"num_hidden_layers\":" + LAYERS
            + ",\"num_attention_heads\":2,\"num_key_value_heads\":2,\"head_dim\":4,\"intermediate_size\":8,\"vocab_size\":16,\"max_position_embeddings\":64,"
            + "\"rope_theta\":100.0,\"tie_word_embeddings\":false}", "a test");

    private static final float GARBAGE = 1e6f;

    private final List<String> events = new ArrayList<>();
    private ShardedUnits units;
    private UnitTraffic traffic;

    /** Collectives of one rank that happen as late as they may: when they are waited for. */
    private final class Late implements BackgroundCollectives {
        private final Engine engine;

        Late(Engine engine) {
            this.engine = engine;
        }

        private Transfer later(String what, Tensor from, Tensor to) {
            events.add(what);
            return new Transfer() {
                @Override
                public void await() {
                    events.add("wait for " + what);
                    if (from.address() != to.address()) {
                        engine.kernels().copy(UnitTraffic.table(from), UnitTraffic.table(to));
                    }
                }

                @Override
                public boolean isDone() {
                    return false;
                }
            };
        }

        @Override
        public Transfer allReduce(Tensor tensor, Reduction reduction) {
            throw new IllegalStateException("units are not replicated");
        }

        @Override
        public Transfer reduceScatter(Tensor input, Tensor output, Reduction reduction) {
            return later("reduce " + unit(input, true), input, output);
        }

        @Override
        public Transfer allGather(Tensor input, Tensor output) {
            return later("gather " + unit(input, false), input, output);
        }

        @Override
        public Transfer allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
            throw new IllegalStateException("units are not exchanged");
        }

        @Override
        public void close() {
            // Nothing runs.
        }

        private int unit(Tensor tensor, boolean gradients) {
            for (int u = 0; u < units.units().size(); u++) {
                ShardedUnits.Unit unit = units.units().get(u);
                if (gradients ? unit.parameters().gradient() == tensor : unit.values() == tensor) {
                    return u;
                }
            }
            throw new IllegalStateException("not a unit");
        }
    }

    private void forward(Engine engine, int u) {
        traffic.beforeForward(units.units().get(u).parameters().all());
        requireValue(engine, u);
        events.add("forward " + u);
    }

    private void backward(Engine engine, int u) {
        List<Parameter> own = units.units().get(u).parameters().all();
        traffic.beforeBackward(own);
        requireValue(engine, u);
        for (Parameter parameter : own) {
            engine.kernels().fill(parameter.gradient(), 10 + u);
        }
        events.add("backward " + u);
        traffic.afterBackward(own);
    }

    /** Each unit's own values are its number. */
    private void requireValue(Engine engine, int u) {
        for (Parameter parameter : units.units().get(u).parameters().all()) {
            assertEquals(u, engine.readLater(parameter.value().reshape(Shape.of(parameter.value().elements())).rows(0, 1)).number(),
                    "unit " + u + " after " + events);
        }
    }

    private void step(Engine engine) {
        traffic.begin();
        int last = units.units().size() - 1;
        for (int u = 0; u <= last; u++) {
            forward(engine, u);
        }
        for (int u = last; u >= 0; u--) {
            backward(engine, u);
        }
        traffic.gradientsSettle();
        for (int u = 0; u <= last; u++) {
            assertEquals(10 + u, gradient(engine, u), "gradient of unit " + u);
        }
        traffic.updated();
    }

    private double gradient(Engine engine, int u) {
        return engine.readLater(units.units().get(u).gradients().rows(0, 1)).number();
    }

    private interface Play {
        void with(Engine engine);
    }

    private void play(ParameterUpdate.Overlap overlap, boolean resident, Play play) {
        try (Engine engine = Nd4jEngines.open(Nd4jEngines.Face.HOST);
                StackArena arena = StackArena.growing("run", engine.memory(), 1 << 20);
                Arena.Frame run = arena.open("run")) {
            SelfWorld world = new SelfWorld();
            ParallelPlan plan = ParallelPlan.of(Mesh.of(1, 1, 1, 1, 1, 1), world, RunSetup.planSettings(Options.defaults(Command.SFT)));
            StateTypes types = Precision.states(Options.defaults(Command.SFT), DType.F32);
            units = ShardedUnits.allocate(DecoderSpecs.of(CONFIG), Slicing.whole(), types, run, 0, 1, resident, overlap);
            for (int u = 0; u < units.units().size(); u++) {
                engine.kernels().fill(units.units().get(u).values(), u);
                engine.kernels().fill(units.units().get(u).gradients(), GARBAGE);
            }
            traffic = new UnitTraffic(engine.kernels(), units, world.all("data"), overlap == ParameterUpdate.Overlap.NOTHING ? null : new Late(engine),
                    plan.modelGroup(CONFIG), resident, overlap);
            play.with(engine);
        }
    }

    private int at(String event, int from) {
        int at = from + events.subList(from, events.size()).indexOf(event);
        assertTrue(at >= from, event + " in " + events.subList(from, events.size()));
        return at;
    }

    /** Units are: embedding 0, layers 1 to 4, head 5; the embedding and the head share a place, so one never comes while the other is used. */
    @Test
    void theNextUnitComesWhileThePresentOneComputes() {
        play(ParameterUpdate.Overlap.REDUCTION_AND_GATHER, false, engine -> {
            step(engine);
            events.clear();
            step(engine);
            for (int u = 0; u < LAYERS + 1; u++) {
                int computing = at("forward " + u, 0);
                assertTrue(at("gather " + (u + 1), 0) < computing && computing < at("wait for gather " + (u + 1), 0), "unit " + (u + 1) + ": " + events);
            }
            int back = at("backward " + (LAYERS + 1), 0);
            for (int u = LAYERS - 2; u > 0; u--) {
                int computing = at("backward " + (u + 1), back);
                assertTrue(at("gather " + u, back) < computing && computing < at("wait for gather " + u, back), "unit " + u + " in backward: " + events);
            }
            assertEquals(events.stream().filter(event -> event.startsWith("gather")).count(), events.stream().filter(event -> event.startsWith("wait for g")).count());
            assertEquals(2L * (LAYERS + 2) - 3, events.stream().filter(event -> event.startsWith("gather")).count(), "nothing comes twice: the head and the last"
                    + " two layers are still there in backward: " + events);
        });
    }

    @Test
    void gradientsGoWhileTheNextLayersAreMade() {
        play(ParameterUpdate.Overlap.REDUCTION, false, engine -> {
            step(engine);
            for (int u = LAYERS; u > 1; u--) {
                int made = at("backward " + (u - 1), 0);
                assertTrue(at("reduce " + u, 0) < made && made < at("wait for reduce " + u, 0), "unit " + u + ": " + events);
            }
        });
    }

    /** Of a step's passes; what an owner's sum held before does not show, nor does anything where no pass came by. */
    @Test
    void ownersHaveTheSumOfAStepAlone() {
        for (ParameterUpdate.Overlap overlap : List.of(ParameterUpdate.Overlap.NOTHING, ParameterUpdate.Overlap.REDUCTION_AND_GATHER)) {
            play(overlap, false, engine -> {
                for (int passes = 3; passes >= 1; passes--) {
                    traffic.begin();
                    for (int pass = 0; pass < passes; pass++) {
                        backward(engine, 2);
                        backward(engine, 1);
                    }
                    traffic.gradientsSettle();
                    assertEquals(passes * 11, gradient(engine, 1));
                    assertEquals(passes * 12, gradient(engine, 2));
                    assertEquals(0, gradient(engine, 3));
                    traffic.updated();
                }
            });
        }
    }

    /** Values that stay on all ranks are all sent round as soon as they change. */
    @Test
    void residentValuesComeDuringTheNextForward() {
        play(ParameterUpdate.Overlap.REDUCTION_AND_GATHER, true, engine -> {
            step(engine);
            int first = events.indexOf("gather 0");
            events.clear();
            step(engine);
            assertTrue(first >= 0);
            assertFalse(events.subList(0, at("backward 0", 0)).stream().anyMatch(event -> event.startsWith("gather")), events.toString());
            assertTrue(at("forward 3", 0) < at("wait for gather 4", 0), events.toString());
        });
    }

    @Test
    void withoutOverlapThereIsOneLayer() {
        long[] bytes = new long[2];
        for (ParameterUpdate.Overlap overlap : List.of(ParameterUpdate.Overlap.NOTHING, ParameterUpdate.Overlap.REDUCTION_AND_GATHER)) {
            play(overlap, false, engine -> {
                step(engine);
                step(engine);
                bytes[overlap.ordinal() / 2] = traffic.placesBytes();
            });
        }
        long layer = units.units().get(1).parameters().value().sizeBytes();
        assertEquals(2 * layer, bytes[1] - bytes[0], "one layer more of values and one of gradients");
    }
}
