package ai.sparktron.jobs;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The house rules of this module: what may import what, and what keeps one jar working on Spark 3.5 to 4.2. */
@AnalyzeClasses(packages = "ai.sparktron", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    private static final DescribedPredicate<JavaClass> TRAINER_INTERNALS = DescribedPredicate.describe("internals of the trainer",
            type -> type.getPackageName().startsWith("ai.sparktron.trainer")
                    && !type.getPackageName().matches("ai\\.sparktron\\.trainer\\.(train|config|comm|comm\\.socket)"));

    private static final DescribedPredicate<JavaClass> SCALA_COLLECTIONS = DescribedPredicate.describe("Scala's collections and functions",
            type -> type.getPackageName().startsWith("scala.collection") || type.getName().startsWith("scala.Function"));

    private static final DescribedPredicate<JavaClass> UNSTABLE = DescribedPredicate.describe("what differs between Spark 3.5 and 4.2",
            type -> type.getPackageName().matches("scala\\.jdk.*|org\\.apache\\.spark\\.ml.*|org\\.apache\\.spark\\.mllib.*"
                    + "|org\\.apache\\.spark\\.sql\\.catalyst.*|org\\.apache\\.spark\\.ui.*|(javax|jakarta)\\.servlet.*"));

    @ArchTest
    static final ArchRule BARRIER_SEES_ONLY_THE_TRAINERS_ENTRY = noClasses().that().resideInAPackage("ai.sparktron.jobs.barrier..").should()
            .dependOnClassesThat(TRAINER_INTERNALS);

    @ArchTest
    static final ArchRule BARRIER_DOES_NOT_KNOW_THE_COMMAND_LINE = noClasses().that().resideInAPackage("ai.sparktron.jobs.barrier..").should()
            .dependOnClassesThat().resideInAPackage("ai.sparktron.jobs.cli..");

    @ArchTest
    static final ArchRule ONE_CLASS_TOUCHES_SCALA = noClasses().that().resideInAPackage("ai.sparktron.jobs..").and()
            .haveNameNotMatching("ai\\.sparktron\\.jobs\\.barrier\\.BarrierStage(\\$.*)?").should().dependOnClassesThat(SCALA_COLLECTIONS);

    @ArchTest
    static final ArchRule ONE_JAR_FOR_ALL_SPARK_LINES = noClasses().that().resideInAPackage("ai.sparktron..").should().dependOnClassesThat(UNSTABLE);

    @ArchTest
    static final ArchRule NOTHING_BELOW_KNOWS_JOBS = noClasses().that().resideOutsideOfPackage("ai.sparktron.jobs..").should().dependOnClassesThat()
            .resideInAPackage("ai.sparktron.jobs..");

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("ai.sparktron.jobs.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule NAMES_SAY_WHAT_THINGS_ARE = classes().that().resideInAPackage("ai.sparktron.jobs..").should()
            .haveNameNotMatching(".*(Manager|Helper|Utils?|Impl)");
}
