package ai.sparktron.trainer.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.seam.ExpertChoices;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Each router gets its own choices back, forward by forward, and two runs that are not the same passes are noticed. */
class RecordedExpertsTest {

    private static final int[][] FIRST = {{3, 1, 0, 2}, {1, 0, 2, 3}};
    private static final int[] SECOND = {0, 3};

    /** Two forwards of one router with two tokens each, between them one of another with a token. */
    private static RecordedExperts recorded() {
        RecordedExperts experts = new RecordedExperts();
        try (Engine engine = Nd4jEngines.factory(Nd4jEngines.Face.HOST).open(0); StackArena arena = StackArena.growing("ids", engine.memory(), 1 << 10);
                Arena.Frame frame = arena.open("ids")) {
            record(experts, "first", FIRST[0], engine, frame);
            record(experts, "second", SECOND, engine, frame);
            record(experts, "first", FIRST[1], engine, frame);
        }
        return experts;
    }

    private static void record(RecordedExperts experts, String router, int[] ids, Engine engine, Arena.Frame frame) {
        ExpertChoices recording = experts.recording();
        Tensor tensor = frame.tensor(router, DType.I32, ids.length / 2, 2);
        ByteBuffer bytes = ByteBuffer.allocateDirect(ids.length * Integer.BYTES).order(ByteOrder.nativeOrder());
        bytes.asIntBuffer().put(ids);
        engine.write(tensor, bytes);
        assertNull(recording.given(router, ids.length), "a run that is recorded chooses itself");
        recording.chosen(router, tensor, engine);
    }

    @Test
    void everyForwardGetsItsOwn() {
        RecordedExperts experts = recorded();
        ExpertChoices replaying = experts.replaying();
        assertArrayEquals(FIRST[0], replaying.given("first", 4));
        assertArrayEquals(FIRST[1], replaying.given("first", 4));
        assertArrayEquals(SECOND, replaying.given("second", 2));
        assertDoesNotThrow(experts::requireAllReplayed);
    }

    @Test
    void moreForwardsThanRecordedAreRefused() {
        ExpertChoices replaying = recorded().replaying();
        replaying.given("second", 2);
        IllegalStateException refusal = assertThrows(IllegalStateException.class, () -> replaying.given("second", 2));
        assertTrue(refusal.getMessage().contains("second runs forward more often"), refusal.getMessage());
        assertThrows(IllegalStateException.class, () -> replaying.given("third", 2));
    }

    @Test
    void otherTokensAreRefused() {
        IllegalStateException refusal = assertThrows(IllegalStateException.class, () -> recorded().replaying().given("first", 6));
        assertTrue(refusal.getMessage().contains("6 experts") && refusal.getMessage().contains("4 were recorded"), refusal.getMessage());
    }

    @Test
    void fewerForwardsThanRecordedAreRefused() {
        RecordedExperts experts = recorded();
        experts.replaying().given("second", 2);
        IllegalStateException refusal = assertThrows(IllegalStateException.class, experts::requireAllReplayed);
        assertTrue(refusal.getMessage().contains("first left 2"), refusal.getMessage());
    }
}
