package ai.sparktron.trainer.plan;

import ai.sparktron.trainer.measure.Traffic;
import ai.sparktron.trainer.train.MemoryUse;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import java.util.Optional;

/** Plans as JSON: bytes, seconds and shares from 0 to 1. */
public final class PlanJson {

    private static final ObjectMapper JSON = new ObjectMapper();

    private PlanJson() {
    }

    /**
     * A grid.
     *
     * @param freeBytes of a device; absent when nobody knows
     * @param hardware  to estimate a step on; absent: no estimate
     */
    public static ObjectNode of(GridPlan plan, Optional<Long> freeBytes, Optional<Hardware> hardware) {
        ObjectNode root = JSON.createObjectNode();
        root.putObject("model").put("family", plan.config().family().name()).put("parameters", plan.config().parameterCount()).put("layers", plan.config().layers());
        root.put("values", plan.values().name().toLowerCase(Locale.ROOT));
        root.putObject("grid").put("ranks", plan.mesh().ranks()).put("tensor", plan.mesh().tensor()).put("context", plan.mesh().context())
                .put("data", plan.mesh().data()).put("pipeline", plan.mesh().pipeline()).put("expert", plan.mesh().expert());
        root.putObject("step").put("row_tokens", plan.rowTokens()).put("rows", plan.options().training().globalBatchSize()).put("micro_batches", plan.microBatches());
        ObjectNode memory = root.putObject("memory").put("bytes", plan.peakBytes());
        freeBytes.ifPresent(free -> memory.put("free_bytes", free).put("fits", plan.peakBytes() <= free));
        ArrayNode stages = memory.putArray("stages");
        plan.stages().forEach(stage -> stages.add(memory(stage.memory(), plan.outsideBytes())));
        if (plan.mesh().pipeline() > 1) {
            root.putObject("pipeline").put("layers", plan.layout().text()).put("idle", new StepPicture(plan.layout(), plan.microBatches()).bubble());
        }
        hardware.ifPresent(known -> {
            root.put("gpu", known.name()).set("estimate", time(StepTime.of(plan, known)));
            ArrayNode traffic = root.putArray("traffic");
            StepTime.ofStep(plan, plan.fullestStage()).forEach(one -> traffic.add(traffic(one, known)));
        });
        return root;
    }

    private static ObjectNode memory(MemoryUse use, long outside) {
        return JSON.createObjectNode().put("weights", use.weights()).put("gradients", use.gradients()).put("optimizer", use.optimizer()).put("tables", use.tables())
                .put("activations", use.activations()).put("logits", use.logits()).put("exchanged", use.exchanged()).put("scratch", use.scratch())
                .put("beside", outside).put("bytes", use.total() + outside).put("passes_in_flight", use.passes());
    }

    private static ObjectNode time(StepTime time) {
        return JSON.createObjectNode().put("seconds", time.seconds()).put("kernels", time.compute()).put("waiting", time.communication()).put("bubble", time.bubble())
                .put("tokens_per_second_per_gpu", time.tokensPerSecond()).put("utilisation", time.utilisation());
    }

    private static ObjectNode traffic(Traffic traffic, Hardware hardware) {
        return JSON.createObjectNode().put("group", traffic.group()).put("kind", traffic.kind().name().toLowerCase(Locale.ROOT)).put("ranks", traffic.ranks().size())
                .put("over_network", hardware.crossesHosts(traffic.ranks())).put("beside_kernels", traffic.place() == Traffic.Place.BESIDE_KERNELS)
                .put("calls", traffic.calls()).put("sent_bytes", traffic.sentBytes()).put("seconds", StepTime.seconds(traffic, hardware));
    }

    /** Other grids of so many ranks, fastest first. @param most how many at most */
    public static ObjectNode of(GridSearch.Found found, int ranks, int most) {
        ObjectNode root = JSON.createObjectNode().put("ranks", ranks).put("fitting", found.fitting().size()).put("too_large", found.tooLarge())
                .put("refused", found.refused());
        found.refusal().ifPresent(reason -> root.put("refusal", reason));
        ArrayNode grids = root.putArray("grids");
        found.fitting().stream().limit(most).forEach(proposal -> grids.add(proposal(proposal)));
        found.smallest().ifPresent(proposal -> root.set("smallest", proposal(proposal)));
        return root;
    }

    private static ObjectNode proposal(GridSearch.Proposal proposal) {
        ObjectNode root = JSON.createObjectNode();
        ObjectNode options = root.putObject("options");
        proposal.added().forEach(options::put);
        root.put("bytes", proposal.plan().peakBytes()).set("estimate", time(proposal.time()));
        return root;
    }
}
