package ai.sparktron.trainer.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.plan.GridSearch.Found;
import ai.sparktron.trainer.plan.GridSearch.Proposal;
import ai.sparktron.trainer.train.RankMeasurement;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class GridSearchTest {

    private static Found search(String model, int ranks, String words) throws IOException {
        Options options = GridPlanTest.options(words);
        return GridSearch.search(options, ranks, RankMeasurement.Subject.of(options, GridPlanTest.model(model), 4096), Hardware.of(options.plan()));
    }

    @Test
    void proposalsFitAndComeFastestFirst() throws IOException {
        Options options = GridPlanTest.options("--gpu H100");
        Found found = search("qwen2.5-7b", 8, "--gpu H100");
        assertTrue(found.fitting().size() >= 5 && found.tooLarge() > 0 && found.refused() > 0, found.tooLarge() + " too large, " + found.refused() + " refused");
        RankMeasurement.Subject subject = RankMeasurement.Subject.of(options, GridPlanTest.model("qwen2.5-7b"), 4096);
        double before = 0;
        Set<Object> grids = new HashSet<>();
        for (Proposal proposal : found.fitting()) {
            assertTrue(proposal.time().seconds() >= before, "sorted by time");
            before = proposal.time().seconds();
            assertTrue(proposal.plan().peakBytes() <= 80_000_000_000L, proposal.added().toString());
            assertTrue(grids.add(proposal.added()), "twice: " + proposal.added());
        }
        Proposal best = found.fitting().get(0);
        GridPlan again = GridPlan.of(options.with("num_ranks", "8").with(best.added()), subject);
        assertEquals(best.plan().peakBytes(), again.peakBytes(), "the options that are shown make the grid");
    }

    @Test
    void whatIsGivenIsKept() throws IOException {
        Found found = search("qwen2.5-7b", 8, "--tensor_model_parallel_size 2 --recompute_granularity none");
        assertFalse(found.fitting().isEmpty());
        for (Proposal proposal : found.fitting()) {
            assertEquals(2, proposal.plan().mesh().tensor());
            assertFalse(proposal.added().containsKey("recompute_granularity"), proposal.added().toString());
        }
    }

    @Test
    void whereNothingFitsTheSmallestIsNamed() throws IOException {
        Found found = search("llama-3.1-70b", 8, "--gpu L4");
        assertEquals(List.of(), found.fitting());
        Proposal smallest = found.smallest().orElseThrow();
        assertTrue(smallest.plan().peakBytes() > 24_000_000_000L && smallest.time().seconds() > 0, smallest.added().toString());
        assertEquals("full", smallest.plan().options().text("recompute_granularity"));
    }

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS)
    void theLargestModelTakesSeconds() throws IOException {
        Found found = search("deepseek-v3", 256, "--gpu B200 --gpu_memory 300GB --context_parallel_size 1 --pipeline_model_parallel_size 16");
        assertTrue(found.tooLarge() > 0, found.tooLarge() + " too large, " + found.refused() + " refused");
        assertFalse(found.fitting().isEmpty());
        assertTrue(found.fitting().get(0).plan().mesh().expert() > 1, "experts are shared out: " + found.fitting().get(0).added());
    }
}
