/*
 * context_switch(from, to): push the callee-saved registers, swap the stack pointers, pop the
 * other side's registers and return to where it left off. The floating-point control words are
 * not saved: nothing in the process changes them.
 *
 * context_start: the place to which a new context "returns"; the prepared registers hold the
 * entry function and its argument (see context.c).
 */
#if defined(__x86_64__) && !defined(CONTEXT_UCONTEXT)
	.text
	.globl context_switch
	.type context_switch, @function
	.p2align 4
context_switch:
	.cfi_startproc
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq (%rsi), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.cfi_endproc
	.size context_switch, .-context_switch

	.globl context_start
	.type context_start, @function
context_start:
	.cfi_startproc
	.cfi_undefined rip		/* the outermost frame: unwinders stop here */
	movq %r13, %rdi
	callq *%r12
	ud2
	.cfi_endproc
	.size context_start, .-context_start

#elif defined(__aarch64__) && !defined(CONTEXT_UCONTEXT)
	.text
	.globl context_switch
	.type context_switch, %function
	.p2align 4
context_switch:
	.cfi_startproc
	sub sp, sp, #160
	stp x19, x20, [sp, #0]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	ldr x9, [x1]
	mov sp, x9
	ldp x19, x20, [sp, #0]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	ret
	.cfi_endproc
	.size context_switch, .-context_switch

	.globl context_start
	.type context_start, %function
context_start:
	.cfi_startproc
	.cfi_undefined x30
	mov x0, x20
	blr x19
	brk #0
	.cfi_endproc
	.size context_start, .-context_start
#endif

#if defined(__linux__)
	.section .note.GNU-stack, "", %progbits
#endif
