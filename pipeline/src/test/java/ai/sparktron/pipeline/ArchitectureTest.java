package ai.sparktron.pipeline;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** What each package of this module must never import. */
final class ArchitectureTest {

    private static final JavaClasses CLASSES = new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("ai.sparktron.pipeline");
    private static final String[] SPARK = {"org.apache.spark..", "org.apache.hadoop..", "scala.."};
    private static final String[] ARROW = {"org.apache.arrow..", "com.google.flatbuffers.."};

    private static void never(String from, String... packages) {
        noClasses().that().resideInAPackage(from).should().dependOnClassesThat().resideInAnyPackage(packages).allowEmptyShould(false).check(CLASSES);
    }

    @Test
    void sparkIsKnownToOnePackageOnly() {
        noClasses().that().resideOutsideOfPackage("ai.sparktron.pipeline.spark..").should().dependOnClassesThat().resideInAnyPackage(SPARK)
                .check(CLASSES);
        assertTrue(CLASSES.stream().anyMatch(type -> type.getPackageName().equals("ai.sparktron.pipeline.spark")), "the Spark package was imported");
    }

    @Test
    void nothingHereKnowsTrainerJobsOrNotebooks() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("ai.sparktron.trainer..", "ai.sparktron.jobs..", "ai.sparktron.notebooks..",
                "org.nd4j..", "org.bytedeco..").check(CLASSES);
        noClasses().should().dependOnClassesThat().resideInAnyPackage(ARROW).check(CLASSES);
    }

    @Test
    void packagesPointOneWay() {
        never("ai.sparktron.pipeline.dataset..", "ai.sparktron.pipeline.tokenize..", "ai.sparktron.pipeline.hub..", "ai.sparktron.pipeline.spark..");
        never("ai.sparktron.pipeline.template..", "ai.sparktron.pipeline.tokenize..", "ai.sparktron.pipeline.hub..", "ai.sparktron.pipeline.spark..");
        never("ai.sparktron.pipeline.tokenize..", "ai.sparktron.pipeline.hub..", "ai.sparktron.pipeline.spark..");
        never("ai.sparktron.pipeline.hub..", "ai.sparktron.pipeline.dataset..", "ai.sparktron.pipeline.template..", "ai.sparktron.pipeline.tokenize..",
                "ai.sparktron.pipeline.spark..", "ai.sparktron.packing..");
    }

    /** One jar runs on Spark 3.5 to 4.2 with Scala 2.12 and 2.13. */
    @Test
    void ofSparkAndScalaOnlyWhatAllLinesHave() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("scala.collection..", "scala.jdk..", "org.apache.spark.sql.catalyst..",
                "org.apache.spark.sql.execution..", "org.apache.spark.ml..", "org.apache.spark.ui..", "javax.servlet..", "jakarta.servlet..")
                .check(CLASSES);
    }
}
