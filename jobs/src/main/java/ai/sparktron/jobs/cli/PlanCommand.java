package ai.sparktron.jobs.cli;

import ai.sparktron.jobs.barrier.ExitCode;
import ai.sparktron.trainer.config.EngineOptions;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.plan.GridPlan;
import ai.sparktron.trainer.plan.GridSearch;
import ai.sparktron.trainer.plan.Hardware;
import ai.sparktron.trainer.plan.PlanJson;
import ai.sparktron.trainer.plan.PlanText;
import ai.sparktron.trainer.train.RankMeasurement;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code plan}: what a run would take, and which grids would fit. Needs a config.json and no device. */
final class PlanCommand {

    private static final int MOST_RANKS = 16_384;

    private final Options options;
    private final Console console;

    /** A plan is for GPUs unless {@code --engine nd4j} says otherwise. */
    PlanCommand(Options options, Console console) {
        this.options = options.given("engine") ? options : options.with("engine", "cuda");
        this.console = console;
    }

    ExitCode run() throws IOException {
        RunFolders folders = RunFolders.ofPlan(options);
        RankMeasurement.Subject subject = RankMeasurement.Subject.of(options, folders.config(), folders.rowLength(options));
        GridPlan plan = GridPlan.of(options, subject);
        Optional<Hardware> hardware = options.engine().engine() == EngineOptions.Engine.CUDA ? Optional.of(Hardware.of(options.plan())) : Optional.empty();
        Optional<Long> freeBytes = hardware.map(Hardware::memoryBytes).or(() -> options.plan().gpuMemoryBytes());
        List<Searched> searched = hardware.isPresent() && options.plan().proposals() > 0 ? propose(subject, hardware.get()) : List.of();
        if (options.plan().json()) {
            ObjectNode root = PlanJson.of(plan, freeBytes, hardware);
            ArrayNode proposals = root.putArray("proposals");
            searched.forEach(one -> proposals.add(PlanJson.of(one.found(), one.ranks(), options.plan().proposals())));
            console.out().println(root.toPrettyString());
            return ExitCode.OK;
        }
        console.out().print(hardware.map(known -> PlanText.of(plan, known)).orElseGet(() -> PlanText.memory(plan, freeBytes.orElse(Long.MAX_VALUE))));
        searched.forEach(one -> console.out().print(PlanText.of(one.found(), one.ranks(), options.plan().proposals(), hardware.orElseThrow())));
        return ExitCode.OK;
    }

    private record Searched(int ranks, GridSearch.Found found) {
    }

    /** For the given number of ranks; where none is given or none is enough, for the next powers of two until something fits: that one, and the given one. */
    private List<Searched> propose(RankMeasurement.Subject subject, Hardware hardware) {
        boolean given = options.given("num_ranks");
        int ranks = given ? options.derived().numRanks() : 1;
        List<Searched> searched = new ArrayList<>();
        Searched last = search(ranks, subject, hardware);
        if (given) {
            searched.add(last);
        }
        while (last.found().fitting().isEmpty() && ranks < MOST_RANKS) {
            ranks = Integer.highestOneBit(ranks) * 2;
            last = search(ranks, subject, hardware);
        }
        if (!searched.contains(last)) {
            searched.add(last);
        }
        return searched;
    }

    private Searched search(int ranks, RankMeasurement.Subject subject, Hardware hardware) {
        return new Searched(ranks, GridSearch.search(options, ranks, subject, hardware));
    }
}
