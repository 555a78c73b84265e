package ai.sparktron.trainer.comm.nccl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.sparktron.trainer.comm.CollectiveCall;
import ai.sparktron.trainer.comm.HostCommunicator;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.tensor.DType;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class WaitingBoardTest {

    private static CollectiveCall call(long sequence) {
        return new CollectiveCall(CollectiveCall.Kind.ALL_REDUCE, sequence, Reduction.SUM, DType.F32, 3, 0);
    }

    @Test
    void membersThatDoNotSayTheSameAreLate() {
        List<World> worlds = InProcessWorld.create(4, Duration.ofSeconds(5));
        List<Integer> ranks = List.of(3, 1, 0);
        List<WaitingBoard> boards = ranks.stream().map(rank -> new WaitingBoard((HostCommunicator) worlds.get(rank).group("late/g", ranks))).toList();
        assertEquals(List.of(1, 0), boards.get(0).notIn(call(7)), "nobody has said anything");
        boards.get(1).announce(call(6));
        boards.get(2).announce(call(6));
        boards.get(2).announce(call(7));
        assertEquals(List.of(1), boards.get(0).notIn(call(7)));
        assertEquals("allReduce #6 of 3 F32 (SUM)", boards.get(0).saying(1));
        boards.get(1).announce(call(7));
        assertEquals(List.of(), boards.get(0).notIn(call(7)));
        assertEquals(List.of(3, 0), boards.get(1).notIn(call(6)), "rank 0 has gone on");
    }
}
