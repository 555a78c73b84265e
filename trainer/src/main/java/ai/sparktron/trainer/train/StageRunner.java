package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.layer.PassArenas;
import ai.sparktron.trainer.layer.SequenceObjective;
import ai.sparktron.trainer.parallel.StageLinks;
import ai.sparktron.trainer.parallel.schedule.Action;
import ai.sparktron.trainer.parallel.schedule.Schedule;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Runs micro-batches through the layers of this rank, as the schedule of its stage says: many may be in flight, each pass through a chunk of layers with an arena of
 * its own. Every stage has each micro-batch on its host, so positions and documents of packed rows are where they are needed and only the stream is sent.
 *
 * <p>Memory that is being sent is let go when it is needed again, the oldest message first.
 */
public final class StageRunner {

    /**
     * One micro-batch.
     *
     * @param tokens    whole
     * @param lossScale factor on the losses of its tokens
     * @param objective asked for the loss instead; null = losses of tokens are summed
     */
    public record Work(HostTokens tokens, float lossScale, SequenceObjective objective) {
        /** With the losses of tokens. */
        public Work(HostTokens tokens, float lossScale) {
            this(tokens, lossScale, null);
        }

        /** With the loss of an objective. */
        public Work(HostTokens tokens, SequenceObjective objective) {
            this(tokens, 1, objective);
        }

        /** The same with a factor on its loss. */
        Work scaled(float factor) {
            return objective == null ? new Work(tokens, lossScale * factor) : new Work(tokens, new Scaled(objective, factor));
        }
    }

    /** An objective whose derivatives have a factor. */
    private record Scaled(SequenceObjective objective, float factor) implements SequenceObjective {
        @Override
        public float[] derivatives(float[] logProbabilities, int[] documents, float[] weights) {
            float[] derivatives = objective.derivatives(logProbabilities, documents, weights);
            for (int i = 0; i < derivatives.length; i++) {
                derivatives[i] *= factor;
            }
            return derivatives;
        }

        @Override
        public double weight() {
            return factor * objective.weight();
        }
    }

    private final List<DecoderModel> chunks;
    private final StageLinks links;
    private final PassMemory memory;
    private final Consumer<Runnable> lastPass;

    /**
     * @param chunks   layers held, in the order of the model
     * @param lastPass runs passes after which gradients of a chunk are complete for the step
     */
    public StageRunner(List<DecoderModel> chunks, StageLinks links, PassMemory memory, Consumer<Runnable> lastPass) {
        this.chunks = List.copyOf(chunks);
        this.links = links;
        this.memory = memory;
        this.lastPass = lastPass;
        if (chunks.size() != links.pipeline().chunks()) {
            throw new IllegalStateException(chunks.size() + " models for a stage of " + links.pipeline().chunks() + " chunks");
        }
    }

    /** Forward and backward of all; adds the losses, on the stage that has them. */
    public void train(List<Work> batches, Tensor lossSum) {
        if (!batches.isEmpty()) {
            run(Schedule.training(links.pipeline(), links.stage(), batches.size()), new Step(batches, Pass.Mode.TRAIN, lossSum));
        }
    }

    /** Forward alone. */
    public void evaluate(List<Work> batches, Tensor lossSum) {
        run(Schedule.evaluation(links.pipeline(), links.stage(), batches.size()), new Step(batches, Pass.Mode.EVALUATE, lossSum));
    }

    private static void run(Schedule schedule, Step step) {
        try (step) {
            schedule.actions().forEach(action -> action.perform(step));
            step.settle();
        }
    }

    /** A pass through one chunk, and what travels for it. */
    private static final class Flight {
        private Arena arena;
        private Pass pass;
        private Transfer receiving;
        /** Begun before forward has its input, where a stage's last forward and first backward are the same pass. */
        private Transfer receivingGradient;
        private Tensor output;
        private Transfer sending;
        private Arena gradientArena;
        private Arena.Frame gradientFrame;
        private Tensor gradient;
    }

    private record Key(int microBatch, int chunk) {
    }

    private final class Step implements Action.Performer, AutoCloseable {
        private final List<Work> batches;
        private final Pass.Mode mode;
        private final Tensor lossSum;
        private final Map<Key, Flight> flights = new HashMap<>();
        private final Deque<Flight> leaving = new ArrayDeque<>();

        Step(List<Work> batches, Pass.Mode mode, Tensor lossSum) {
            this.batches = batches;
            this.mode = mode;
            this.lossSum = lossSum;
        }

        private DecoderModel chunk(Action action) {
            return chunks.get(action.chunk());
        }

        private Flight flight(Action action) {
            Flight flight = flights.get(new Key(action.microBatch(), action.chunk()));
            if (flight == null) {
                throw new IllegalStateException("stage " + links.stage() + " is to " + action + ", which has not begun");
            }
            return flight;
        }

        private Flight begin(Action action) {
            release();
            Flight flight = new Flight();
            flights.put(new Key(action.microBatch(), action.chunk()), flight);
            Work work = batches.get(action.microBatch());
            flight.arena = memory.passes().take();
            PassArenas arenas = links.pipeline().stages() == 1 ? PassArenas.alone(flight.arena, memory.scratch())
                    : new PassArenas(flight.arena, memory::repeated, memory.scratch());
            flight.pass = work.objective() == null ? chunk(action).begin(work.tokens(), work.lossScale(), mode, arenas, lossSum)
                    : chunk(action).begin(work.tokens(), work.objective(), mode, arenas);
            return flight;
        }

        private void run(Action action, Runnable pass) {
            if (mode == Pass.Mode.TRAIN && action.microBatch() == batches.size() - 1) {
                lastPass.accept(pass);
            } else {
                pass.run();
            }
        }

        @Override
        public void receiveForward(Action.ReceiveForward action) {
            Flight flight = begin(action);
            flight.receiving = links.activations().receive(chunk(action).input(flight.pass), action.peer());
        }

        @Override
        public void forward(Action.Forward action) {
            boolean begun = flights.containsKey(new Key(action.microBatch(), action.chunk()));
            Flight flight = begun ? flight(action) : begin(action);
            await(flight.receiving);
            flight.receiving = null;
            run(action, () -> flight.output = chunk(action).forward(flight.pass));
            if (mode == Pass.Mode.EVALUATE && flight.output == null) {
                end(action, flight);
            }
        }

        @Override
        public void sendForward(Action.SendForward action) {
            Flight flight = flight(action);
            flight.sending = links.activations().send(flight.output, action.peer());
            if (mode == Pass.Mode.EVALUATE) {
                leave(action, flight);
            }
        }

        @Override
        public void receiveBackward(Action.ReceiveBackward action) {
            release();
            Flight flight = flight(action);
            flight.gradientArena = memory.gradients().take();
            flight.gradientFrame = flight.gradientArena.open("gradient");
            flight.gradient = chunk(action).gradient(flight.pass, flight.gradientFrame);
            flight.receivingGradient = links.gradients().receive(flight.gradient, action.peer());
        }

        @Override
        public void backward(Action.Backward action) {
            Flight flight = flight(action);
            await(flight.receivingGradient);
            flight.receivingGradient = null;
            // What the next stage has answered it has received, so nobody waits here.
            await(flight.sending);
            flight.sending = null;
            run(action, () -> flight.output = chunk(action).backward(flight.pass, flight.gradient));
            if (flight.gradient != null) {
                closePass(flight);
            }
            if (flight.output == null) {
                end(action, flight);
            }
        }

        @Override
        public void sendBackward(Action.SendBackward action) {
            Flight flight = flight(action);
            flight.sending = links.gradients().send(flight.output, action.peer());
            leave(action, flight);
        }

        private void await(Transfer transferOrNull) {
            if (transferOrNull != null) {
                transferOrNull.await();
            }
        }

        /** Nothing is left of this pass but a message under way. */
        private void leave(Action action, Flight flight) {
            flights.remove(new Key(action.microBatch(), action.chunk()));
            leaving.add(flight);
        }

        private void end(Action action, Flight flight) {
            flights.remove(new Key(action.microBatch(), action.chunk()));
            close(flight);
        }

        /** Lets go of what has been sent; of what is under way, all but as many messages as the schedule lets run ahead, and one. */
        private void release() {
            while (!leaving.isEmpty() && (leaving.size() > links.pipeline().messagesAhead() + 1 || leaving.peek().sending.isDone())) {
                Flight flight = leaving.remove();
                flight.sending.await();
                close(flight);
            }
        }

        /** Waits for all that is under way. */
        void settle() {
            while (!leaving.isEmpty()) {
                leaving.peek().sending.await();
                close(leaving.remove());
            }
        }

        private void closePass(Flight flight) {
            if (flight.pass != null) {
                flight.pass.close();
                flight.pass = null;
            }
            if (flight.arena != null) {
                memory.passes().give(flight.arena);
                flight.arena = null;
            }
        }

        private void close(Flight flight) {
            closePass(flight);
            if (flight.gradientFrame != null) {
                flight.gradientFrame.close();
                memory.gradients().give(flight.gradientArena);
                flight.gradientFrame = null;
            }
        }

        /** Frees what a failure left. */
        @Override
        public void close() {
            List<Flight> left = new ArrayList<>(flights.values());
            left.addAll(leaving);
            left.forEach(this::close);
        }
    }
}
