package ai.sparktron.packing;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What each package of this module must never import. */
final class ArchitectureTest {

    private static final JavaClasses CLASSES = new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("ai.sparktron.packing");

    @Test
    void bothPackagesWereImported() {
        assertTrue(CLASSES.contain("ai.sparktron.packing.bin.Packer"));
        assertTrue(CLASSES.contain("ai.sparktron.packing.shard.ShardReader"));
    }

    @Test
    void packersKnowTheJdkOnly() {
        classes().that().resideInAPackage("ai.sparktron.packing.bin..")
                .should().onlyDependOnClassesThat().resideInAnyPackage("java..", "ai.sparktron.packing.bin..").check(CLASSES);
    }

    @Test
    void shardsKnowNeitherSparkNorNd4jNorCuda() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("org.apache.spark..", "org.apache.hadoop..", "scala..", "org.nd4j..",
                "org.bytedeco..", "ai.sparktron.pipeline..", "ai.sparktron.trainer..", "ai.sparktron.jobs..").check(CLASSES);
    }

    @Test
    void ofArrowOnlyTheGeneratedClassesAreUsed() {
        noClasses().should().dependOnClassesThat().resideInAnyPackage("org.apache.arrow.vector..", "org.apache.arrow.memory..").check(CLASSES);
    }

    /** The application jar carries Arrow and flatbuffers under another name, so they must not be part of what others compile against. */
    @Test
    void arrowIsNotInPublicSignatures() {
        classes().that().arePublic().should(new ArchCondition<>("not show Arrow types in public methods") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                type.getMethods().stream().filter(method -> method.getModifiers().contains(JavaModifier.PUBLIC))
                        .filter(method -> Stream.concat(Stream.of(method.getRawReturnType()), method.getRawParameterTypes().stream())
                                .anyMatch(DescribedPredicate.or(JavaClass.Predicates.resideInAPackage("org.apache.arrow.."),
                                        JavaClass.Predicates.resideInAPackage("com.google.flatbuffers.."))))
                        .forEach(method -> events.add(SimpleConditionEvent.violated(method, method.getFullName())));
            }
        }).check(CLASSES);
    }
}
