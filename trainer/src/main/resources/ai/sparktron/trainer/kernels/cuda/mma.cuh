// Copies into shared memory, reads of its pieces, and products of 16 x 16 by 16 x 8 pieces in half precision with float32 sums. Follows types.cuh.
//
// A lane holds of a left operand and of a sum rows lane / 4 and lane / 4 + 8, of every 8 columns those at 2 (lane % 4) and the next.

FORCE unsigned place(const void* shared) { return (unsigned) __cvta_generic_to_shared(shared); }

// Asynchronous copies into shared memory; zeros where `there` is false, when the address only has to be one that may be read.
FORCE void copy16(unsigned to, const void* from, bool there) {
    int bytes = there ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r"(to), "l"(from), "r"(bytes));
}

FORCE void copy4(unsigned to, const void* from, bool there) {
    int bytes = there ? 4 : 0;
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" :: "r"(to), "l"(from), "r"(bytes));
}

FORCE void commit() { asm volatile("cp.async.commit_group;" ::); }

// Waits for all but the N latest groups of this thread's copies.
template <int N> FORCE void arrived() { asm volatile("cp.async.wait_group %0;" :: "n"(N)); }

// Four 8 x 8 pieces; lane l gives the address of row l % 8 of piece l / 8.
FORCE void read4(unsigned (&r)[4], unsigned at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at));
}

FORCE void read4Transposed(unsigned (&r)[4], unsigned at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at));
}

// c [16, 8] += a [16, 16] b [16, 8].
FORCE void multiply(bf16, float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

FORCE void multiply(f16, float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

FORCE unsigned pair(bf16, float low, float high) { unsigned y; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low)); return y; }
FORCE unsigned pair(f16, float low, float high) { unsigned y; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low)); return y; }
