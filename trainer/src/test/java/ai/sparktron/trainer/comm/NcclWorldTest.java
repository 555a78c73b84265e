package ai.sparktron.trainer.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.comm.RankProcess.Backend;
import ai.sparktron.trainer.comm.Ranks.Outcome;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** NCCL between processes that share the first GPU, or take several in turn: right numbers and clear ends, never a speed. */
@Tag("gpu")
class NcclWorldTest extends CommunicatorContract {

    @Override
    protected List<? extends World> worlds(int size, Duration collectiveTimeout) throws Exception {
        return RemoteRanks.start(size, collectiveTimeout, Backend.NCCL, Long.MAX_VALUE);
    }

    /** NCCL adds in an order of its own and rounds each time. */
    @Override
    protected double allowed(DType dtype, double magnitude) {
        return switch (dtype) {
            case F64 -> magnitude * 1e-14;
            case F32 -> magnitude * 1e-6;
            case BF16 -> magnitude * 0.016;
            default -> 0;
        };
    }

    @Override
    protected Duration brief() {
        return Duration.ofSeconds(6);
    }

    @Override
    protected int interrupts() {
        return 2;
    }

    /** Nothing is compared, as in the long run of a training: the device alone keeps the ranks together. */
    @Test
    void callsThatAreNotComparedGiveTheSameNumbers() throws Exception {
        List<World> worlds = RemoteRanks.start(4, Duration.ofSeconds(60), Backend.NCCL, 0);
        Ranks.run(worlds, world -> {
            Communicator all = world.all("all");
            Communicator pair = world.group("pair-" + world.rank() / 2, world.rank() < 2 ? List.of(0, 1) : List.of(2, 3));
            for (int round = 0; round < 20; round++) {
                Tensor sum = HostTensors.floats(world.rank(), round);
                all.allReduce(sum, Reduction.SUM);
                assertEquals(6, HostTensors.get(sum, 0));
                assertEquals(4 * round, HostTensors.get(sum, 1));
                Tensor message = HostTensors.floats(world.rank() * 100 + round);
                Tensor got = HostTensors.floats(0);
                Transfer sent = pair.send(message, 1 - pair.rank());
                Transfer received = pair.receive(got, 1 - pair.rank());
                received.await();
                sent.await();
                assertEquals((world.rank() ^ 1) * 100 + round, HostTensors.get(got, 0));
            }
            return null;
        });
        Ranks.close(worlds);
    }

    /** NCCL itself would wait for ever. */
    @Test
    void theWatchNamesARankThatDoesNotCome() throws Exception {
        List<World> worlds = RemoteRanks.start(3, Duration.ofSeconds(6), Backend.NCCL, 0);
        List<Outcome<Void>> outcomes = Ranks.outcomes(worlds, world -> {
            Communicator all = world.all("data");
            all.allReduce(HostTensors.floats(1), Reduction.SUM);
            if (world.rank() == 2) {
                Thread.sleep(30_000);
            }
            all.allReduce(HostTensors.floats(1, 2, 3), Reduction.SUM);
            return null;
        });
        List<Throwable> reports = outcomes.stream().map(Outcome::error).toList();
        reports.forEach(report -> assertInstanceOf(CommunicationException.class, report, reports.toString()));
        assertTrue(reports.stream().anyMatch(report -> report.getMessage().contains("allReduce #1 of 3 F32 (SUM)")
                && report.getMessage().contains("rank 2 is late")), reports.toString());
        Ranks.close(worlds);
    }
}
