package ai.sparktron.trainer.parallel.schedule;

/**
 * One thing a stage does with one micro-batch in one of its chunks of layers. Receiving begins where the list says so, and the computation that needs the message
 * waits for it; sending begins where the list says so, and whoever needs its memory again waits for it. No action of the list itself waits for a peer but
 * {@link Forward} and {@link Backward}.
 */
public sealed interface Action {

    /** Micro-batch of the step, from 0. */
    int microBatch();

    /** Chunk of layers of this stage, from 0. */
    int chunk();

    /** Does it. */
    void perform(Performer performer);

    /** Who does what lists say. */
    interface Performer {
        void receiveForward(ReceiveForward action);

        void forward(Forward action);

        void sendForward(SendForward action);

        void receiveBackward(ReceiveBackward action);

        void backward(Backward action);

        void sendBackward(SendBackward action);
    }

    /** Begins to receive a chunk's input from the stage before. */
    record ReceiveForward(int microBatch, int chunk, int peer) implements Action {
        @Override
        public void perform(Performer performer) {
            performer.receiveForward(this);
        }

        @Override
        public String toString() {
            return "receive the input of " + name(this) + " from stage " + peer;
        }
    }

    /** Forward of a chunk. */
    record Forward(int microBatch, int chunk) implements Action {
        @Override
        public void perform(Performer performer) {
            performer.forward(this);
        }

        @Override
        public String toString() {
            return "forward of " + name(this);
        }
    }

    /** Begins to send a chunk's output to the stage behind. */
    record SendForward(int microBatch, int chunk, int peer) implements Action {
        @Override
        public void perform(Performer performer) {
            performer.sendForward(this);
        }

        @Override
        public String toString() {
            return "send the output of " + name(this) + " to stage " + peer;
        }
    }

    /** Begins to receive the gradient of a chunk's output from the stage behind. */
    record ReceiveBackward(int microBatch, int chunk, int peer) implements Action {
        @Override
        public void perform(Performer performer) {
            performer.receiveBackward(this);
        }

        @Override
        public String toString() {
            return "receive the gradient of " + name(this) + " from stage " + peer;
        }
    }

    /** Backward of a chunk. */
    record Backward(int microBatch, int chunk) implements Action {
        @Override
        public void perform(Performer performer) {
            performer.backward(this);
        }

        @Override
        public String toString() {
            return "backward of " + name(this);
        }
    }

    /** Begins to send the gradient of a chunk's input to the stage before. */
    record SendBackward(int microBatch, int chunk, int peer) implements Action {
        @Override
        public void perform(Performer performer) {
            performer.sendBackward(this);
        }

        @Override
        public String toString() {
            return "send the gradient of " + name(this) + " to stage " + peer;
        }
    }

    private static String name(Action action) {
        return "micro-batch " + action.microBatch() + ", chunk " + action.chunk();
    }
}
