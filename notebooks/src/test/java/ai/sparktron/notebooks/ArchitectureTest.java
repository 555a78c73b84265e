package ai.sparktron.notebooks;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The house rules of this module: figures stand on files and tokenizers alone, and nothing below knows them. */
@AnalyzeClasses(packages = "ai.sparktron", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule NOTHING_BELOW_KNOWS_NOTEBOOKS = noClasses().that().resideOutsideOfPackage("ai.sparktron.notebooks..").should()
            .dependOnClassesThat().resideInAPackage("ai.sparktron.notebooks..");

    @ArchTest
    static final ArchRule FIGURES_STAND_ON_FILES = classes().that().resideInAPackage("ai.sparktron.notebooks..").should().onlyDependOnClassesThat()
            .resideInAnyPackage("java..", "com.fasterxml.jackson..", "ai.sparktron.notebooks..", "ai.sparktron.packing.shard..",
                    "ai.sparktron.pipeline.tokenize..")
            .because("the jar of this module is used beside the application jar, in which other libraries have moved to other packages");

    @ArchTest
    static final ArchRule NAMES_SAY_WHAT_THINGS_ARE = classes().that().resideInAPackage("ai.sparktron.notebooks..").should()
            .haveNameNotMatching(".*(Manager|Helper|Utils?|Impl)");
}
