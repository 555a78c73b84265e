package ai.sparktron.trainer;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What each package of the trainer must never import, and that each says what it is for. */
class ArchitectureTest {

    private static final String ROOT = "ai.sparktron.trainer";
    private static JavaClasses trainer;

    @BeforeAll
    static void read() {
        trainer = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages(ROOT);
        assertTrue(trainer.size() > 100, "only " + trainer.size() + " classes found");
    }

    /** Packages (with those beneath) that a package must not depend on; others than ours in full. */
    record Rule(String from, List<String> never) {
        @Override
        public String toString() {
            return from + " never " + never;
        }
    }

    static List<Rule> rules() {
        return List.of(
                new Rule("tensor", List.of("kernels", "comm", "mesh", "seam", "parallel", "layer", "model", "optimizer", "data", "train", "generate", "checkpoint",
                        "convert", "config", "verify")),
                new Rule("kernels", List.of("comm", "mesh", "seam", "parallel", "layer", "model", "optimizer", "data", "train", "generate", "checkpoint", "convert",
                        "config", "verify")),
                new Rule("comm", List.of("layer", "model", "seam", "parallel", "train", "org.apache.spark")),
                new Rule("measure", List.of("mesh", "seam", "parallel", "layer", "model", "optimizer", "data", "train", "generate", "checkpoint", "convert", "config",
                        "verify", "kernels.nd4j", "kernels.cuda")),
                new Rule("plan", List.of("kernels", "comm", "seam", "layer", "optimizer", "data", "generate", "checkpoint", "convert", "verify", "tuner")),
                new Rule("mesh", List.of("tensor", "kernels", "comm", "seam", "parallel", "layer", "model", "optimizer", "data", "train", "generate", "checkpoint",
                        "convert", "config", "verify")),
                new Rule("seam", List.of("comm", "mesh", "parallel", "layer", "train", "kernels.nd4j")),
                new Rule("parallel", List.of("layer", "train", "kernels.nd4j", "kernels.cuda")),
                new Rule("layer", List.of("comm", "mesh", "parallel", "train", "config", "tuner", "kernels.nd4j", "kernels.cuda")),
                new Rule("model", List.of("kernels", "comm", "mesh", "layer", "seam", "parallel", "train", "config", "tuner")),
                new Rule("tuner", List.of("tensor", "kernels", "comm", "mesh", "seam", "parallel", "layer", "optimizer", "data", "train", "generate", "checkpoint",
                        "convert", "verify")),
                new Rule("preference", List.of("mesh", "parallel", "model", "data", "train", "checkpoint", "convert", "config", "verify", "kernels.nd4j", "kernels.cuda")),
                new Rule("optimizer", List.of("layer", "comm", "train", "kernels.nd4j", "kernels.cuda")),
                new Rule("data", List.of("layer", "kernels", "comm", "train")),
                new Rule("train", List.of("kernels.nd4j", "kernels.cuda", "comm.socket", "comm.nccl")),
                new Rule("generate", List.of("comm.nccl", "kernels.nd4j", "kernels.cuda")),
                new Rule("checkpoint", List.of("layer")),
                new Rule("convert", List.of("comm", "train", "kernels.nd4j", "kernels.cuda")),
                new Rule("verify", List.of("kernels.nd4j", "kernels.cuda", "config")),
                new Rule("config", List.of("tensor", "kernels", "comm", "mesh", "seam", "parallel", "layer", "model", "optimizer", "data", "train", "generate",
                        "checkpoint", "convert", "verify")));
    }

    @ParameterizedTest
    @MethodSource("rules")
    void packagesKeepTheirPlace(Rule rule) {
        String[] never = rule.never().stream().map(name -> (name.startsWith("org.") ? name : ROOT + "." + name) + "..").toArray(String[]::new);
        noClasses().that().resideInAPackage(ROOT + "." + rule.from() + "..").should().dependOnClassesThat().resideInAnyPackage(never).check(trainer);
    }

    @Test
    void everyPackageHasARule() {
        TreeSet<String> packages = new TreeSet<>();
        for (JavaClass type : trainer) {
            String name = type.getPackageName();
            if (name.startsWith(ROOT + ".")) {
                packages.add(name.substring(ROOT.length() + 1).split("\\.")[0]);
            }
        }
        rules().forEach(rule -> packages.remove(rule.from()));
        assertTrue(packages.isEmpty(), "packages without a rule: " + packages);
    }

    @Test
    void nd4jAndCudaStayBehindTheirEngines() {
        noClasses().that().resideOutsideOfPackage(ROOT + ".kernels.nd4j..").should().dependOnClassesThat()
                .resideInAnyPackage("org.nd4j..", "org.bytedeco.openblas..").check(trainer);
        noClasses().that().resideOutsideOfPackages(ROOT + ".kernels.cuda..", ROOT + ".comm.nccl..").should().dependOnClassesThat()
                .resideInAPackage("org.bytedeco.cuda..").check(trainer);
    }

    @Test
    void nothingKnowsSparkScalaOrThePipeline() {
        noClasses().should().dependOnClassesThat()
                .resideInAnyPackage("org.apache.spark..", "scala..", "ai.sparktron.pipeline..", "ai.sparktron.jobs..").check(trainer);
    }

    @Test
    void publicNamesSayWhatThingsAre() {
        classes().that().arePublic().should().haveNameNotMatching(".*(Manager|Helper|Utils?|Impl)$").andShould().haveNameNotMatching(".*\\.Abstract[A-Z].*")
                .check(trainer);
    }

    /** A package is explained where it is. */
    @Test
    void everyPackageIsExplained() throws IOException {
        Path sources = Path.of("src/main/java/ai/sparktron/trainer");
        Map<Path, Boolean> explained = new TreeMap<>();
        try (Stream<Path> files = Files.walk(sources)) {
            files.filter(file -> file.toString().endsWith(".java") && !file.getParent().equals(sources))
                    .forEach(file -> explained.put(file.getParent(), Files.exists(file.resolveSibling("package-info.java"))));
        }
        assertTrue(explained.size() >= 14, "packages: " + explained.keySet());
        explained.forEach((folder, has) -> assertTrue(has, "no package-info.java in " + folder));
    }
}
