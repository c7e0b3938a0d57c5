/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of bao_virtio_blk.ko. The way of one request through the files:
 *
 *   blk_queue.c	taken from the ring, and put back with its answer; what is under way
 *   blk_request.c	what the driver wants, checked; data between the window and bounce pages
 *   blk_io.c		what the backing does
 *
 * And of a device: blk.c is the model, blk_config.c its attributes, blk_backing.c opens and closes
 * what is behind it, blk_limits.c tells the driver what that is like.
 *
 * Locks, outermost first:
 *
 *   vdev->mutex	attributes
 *   bao_blk_mutex	the list of all backings (blk_backing.c)
 *   backing->lock	orphans
 *   queue->lock	requests that are done; who works on the window
 *
 * vdev->lock, for the cache mode, is apart from these.
 */
#ifndef _BAO_VIRTIO_BLK_H
#define _BAO_VIRTIO_BLK_H

#include <linux/bao_virtio.h>
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <linux/virtio_blk.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* Queues of a disk at most */
#define BAO_BLK_MAX_QUEUES	32U

/* Requests of a queue that are under way at most */
#define BAO_BLK_REQUESTS	128U

/* Segments of data of a request at most: a MiB of pages that lie anywhere */
#define BAO_BLK_SEGMENTS	256U

/* Entries of a queue unless told: a chain of that many segments has two more */
#define BAO_BLK_QUEUE_SIZE	512

/* Ranges of a discard or write-zeroes request at most */
#define BAO_BLK_RANGES		64U

/* Sectors of such a range at most, if the backing does not say: 1 GiB */
#define BAO_BLK_RANGE_SECTORS	(SZ_1G >> SECTOR_SHIFT)

/* ... and if the backing may have to write each zero */
#define BAO_BLK_SLOW_SECTORS	(SZ_64M >> SECTOR_SHIFT)

/* Bytes that the backing is given at once: through bounce pages, and else */
#define BAO_BLK_BOUNCE_PART	SZ_256K
#define BAO_BLK_WINDOW_PART	SZ_4M

/* So much the serving thread moves itself before others get the processor */
#define BAO_BLK_ROUND		SZ_4M

/* Bounce pages of a queue. There are enough for the largest part, or nothing would ever move. */
#define BAO_BLK_BOUNCE_PAGES	max_t(unsigned int, SZ_1M >> PAGE_SHIFT, 64)

/* Threads of a backing at most, in which requests block */
#define BAO_BLK_THREADS		64

/* Block sizes that drivers can be expected to know */
#define BAO_BLK_MAX_BLOCK	SZ_4K

struct bao_blk_backing;
struct bao_blk_queue;

/**
 * enum bao_blk_op - what a request is for
 * @BAO_BLK_READ: from the backing to the window
 * @BAO_BLK_WRITE: from the window to the backing
 * @BAO_BLK_FLUSH: make permanent what has been written
 * @BAO_BLK_DISCARD: forget ranges
 * @BAO_BLK_ZERO: make ranges read as zeroes
 * @BAO_BLK_NOTHING: it has been served where it was parsed
 */
enum bao_blk_op {
	BAO_BLK_READ,
	BAO_BLK_WRITE,
	BAO_BLK_FLUSH,
	BAO_BLK_DISCARD,
	BAO_BLK_ZERO,
	BAO_BLK_NOTHING,
};

/**
 * enum bao_blk_way - the way of data
 * @BAO_BLK_PLAIN: between the page cache and the window
 * @BAO_BLK_ZERO_COPY: between the backing's hardware and pages of the window
 * @BAO_BLK_BOUNCE: through pages of ours. The backing never touches the window.
 */
enum bao_blk_way {
	BAO_BLK_PLAIN,
	BAO_BLK_ZERO_COPY,
	BAO_BLK_BOUNCE,
};

/**
 * struct bao_blk_range - what is to be discarded or zeroed
 * @pos: from where on, in bytes
 * @len: how much, in bytes
 * @unmap: zeroes: their storage may be given back
 */
struct bao_blk_range {
	loff_t pos;
	loff_t len;
	bool unmap;
};

/**
 * struct bao_blk_request - a request, and the memory that it needs
 * @iocb: of the part that is under way
 * @work: does it in a thread
 * @node: in the list of free or of done ones
 * @queue: whose
 * @run: &bao_blk_queue.run when it was taken from the ring
 * @id: of its chain
 * @op: what it is for
 * @way: of its data
 * @nowait: this part must not block
 * @direct: this part goes past the page cache
 * @pinned: counted in &bao_blk_queue.pinned
 * @taken: it is not free. The serving thread's.
 * @holders: the submitter of a part and the completion of it, while they may touch this
 * @status: where the driver expects the answer; in the window
 * @in_len: bytes that the driver gives room for, the status included
 * @result: of the last part, or of the whole if there are none: as of a system call
 * @pos: position in the backing, in bytes
 * @left: bytes that are not transferred yet
 * @part: of them, those under way
 * @iter: the window, from where these are
 * @nr_segs: entries of @segs
 * @nr_ranges: entries of @ranges
 * @nr_pages: bounce pages, in @bvecs
 * @nr_bvecs: entries of @bvecs in use
 * @bvecs: pages
 * @segs: segments of the window
 * @ranges: copied from the window
 *
 * Belongs to the serving thread while it is free, and after it has been taken off the list of done
 * ones. In between to whoever works on it.
 */
struct bao_blk_request {
	struct kiocb iocb;
	struct work_struct work;
	struct list_head node;
	struct bao_blk_queue *queue;
	unsigned int run;
	u16 id;
	enum bao_blk_op op;
	enum bao_blk_way way;
	bool nowait;
	bool direct;
	bool pinned;
	bool taken;
	atomic_t holders;
	u8 *status;
	u32 in_len;
	long result;
	loff_t pos;
	size_t left;
	size_t part;
	struct iov_iter iter;
	unsigned int nr_segs;
	unsigned int nr_ranges;
	unsigned int nr_pages;
	unsigned int nr_bvecs;
	struct bio_vec bvecs[BAO_BLK_SEGMENTS];
	union {
		struct kvec segs[BAO_BLK_SEGMENTS];
		struct bao_blk_range ranges[BAO_BLK_RANGES];
	};
};

/**
 * enum bao_blk_count - what is counted, in bytes
 * @BAO_BLK_TRANSFERRED: data between the window and the backing
 * @BAO_BLK_COPIED: those of them that a processor has copied
 * @BAO_BLK_NR_COUNTS: how many counts there are
 */
enum bao_blk_count {
	BAO_BLK_TRANSFERRED,
	BAO_BLK_COPIED,
	BAO_BLK_NR_COUNTS,
};

/**
 * struct bao_blk_queue - a queue
 * @backing: what is behind it
 * @vq: the core's part; valid between vq_start() and disable()
 * @lock: protects what follows
 * @done: requests that nobody works on any more, and that the serving thread has not seen yet
 * @notify: the serving thread rests: the next one that is done has to wake it. Never set while the
 *	    queue is stopped.
 * @run: counts how often the queue has been stopped; changes while nobody serves
 * @pinned: requests that somebody else than the serving thread works on, and on the window
 * @unpinned: woken when @pinned gets 0
 * @requests: all, @nr_requests of them
 * @nr_requests: how many
 * @free: requests that are not in use. This and what follows is the serving thread's.
 * @nr_taken: those that are, and belong to this run
 * @moved: bytes that the serving thread itself has moved in this round
 * @pages: bounce pages that are not in use, @nr_pages of them
 * @nr_pages: how many
 * @count: enum bao_blk_count; only the serving thread adds
 */
struct bao_blk_queue {
	struct bao_blk_backing *backing;
	struct bao_vq *vq;

	spinlock_t lock;	/* protects done, notify, run, pinned */
	struct list_head done;
	bool notify;
	unsigned int run;
	unsigned int pinned;
	wait_queue_head_t unpinned;

	struct bao_blk_request *requests;
	unsigned int nr_requests;
	struct list_head free;
	unsigned int nr_taken;
	size_t moved;
	struct page **pages;
	unsigned int nr_pages;
	atomic64_t count[BAO_BLK_NR_COUNTS];
};

/**
 * struct bao_blk_backing - what is behind a device that is live, or was when orphans were begun
 * @node: in the list of all
 * @file: the file, or the block device as a file
 * @bdev: the block device, or NULL
 * @read_only: it is not written to
 * @direct: the page cache is avoided as far as alignment permits
 * @stable: data must not change while they are written directly
 * @writeback: writes are not permanent before a flush. Written under &bao_vdev.lock.
 * @blocking: [direct][write]: the backing does not know how to do that without blocking
 * @dio_mask: positions and lengths that direct I/O is not possible with have one of these bits
 * @mem_mask: the same of addresses in memory
 * @block_size: logical blocks of the block device; its own, not what the driver is told
 * @max_discard: sectors of a range at most
 * @max_zeroes: the same, of write-zeroes
 * @sectors: capacity
 * @serial: what GET_ID answers, padded with zeroes
 * @wq: threads in which requests block
 * @lock: protects @live and @nr_orphans
 * @live: the device is live
 * @nr_orphans: requests under way whose queue has been stopped since
 * @close: does what disable() has left to the last orphan
 * @nr_queues: entries of @queues
 * @queues: queues
 */
struct bao_blk_backing {
	struct list_head node;
	struct file *file;
	struct block_device *bdev;
	bool read_only;
	bool direct;
	bool stable;
	bool writeback;
	bool blocking[2][2];
	u32 dio_mask;
	u32 mem_mask;
	u32 block_size;
	u32 max_discard;
	u32 max_zeroes;
	atomic64_t sectors;
	char serial[VIRTIO_BLK_ID_BYTES];
	struct workqueue_struct *wq;

	spinlock_t lock;	/* protects live, nr_orphans */
	bool live;
	unsigned int nr_orphans;
	struct work_struct close;

	unsigned int nr_queues;
	struct bao_blk_queue queues[];
};

/**
 * struct bao_blk - a device
 * @vdev: the core's part
 * @path: attribute: the file or block device, or NULL
 * @serial: attribute; the device's name if empty
 * @read_only: attribute
 * @direct: attribute: avoid the page cache
 * @queues: attribute: how many
 * @block_size: attribute: what the driver is told, in bytes; 0: what suits the backing
 * @config: configuration space
 * @backing: while live
 *
 * Attributes, and @backing, change under &bao_vdev.mutex.
 */
struct bao_blk {
	struct bao_vdev vdev;
	char *path;
	char serial[VIRTIO_BLK_ID_BYTES + 1];
	bool read_only;
	bool direct;
	unsigned int queues;
	unsigned int block_size;
	struct virtio_blk_config config;
	struct bao_blk_backing *backing;
};

static inline struct bao_blk *to_bao_blk(struct bao_vdev *vdev)
{
	return container_of(vdev, struct bao_blk, vdev);
}

static inline bool bao_blk_moves_data(const struct bao_blk_request *req)
{
	return req->op == BAO_BLK_READ || req->op == BAO_BLK_WRITE;
}

/* blk_config.c */
extern struct configfs_attribute *bao_blk_attrs[];

/* blk_limits.c */
u64 bao_blk_sectors(const struct bao_blk *blk);
int bao_blk_describe(struct bao_blk *blk);

/* blk_backing.c */
int bao_blk_open(struct bao_blk *blk);
void bao_blk_close(struct bao_blk *blk);
void bao_blk_close_later(struct bao_blk_backing *backing);
int bao_blk_backing_init(void);
void bao_blk_backing_exit(void);

/* blk_queue.c */
int bao_blk_vq_start(struct bao_vq *vq);
void bao_blk_vq_stop(struct bao_vq *vq);
enum bao_vq_state bao_blk_serve(struct bao_vq *vq);
bool bao_blk_refuse(struct bao_vq *vq, const struct bao_vchain *chain, u32 *len);
bool bao_blk_claim(struct bao_blk_request *req);
void bao_blk_unpin(struct bao_blk_request *req);
void bao_blk_finish(struct bao_blk_request *req);
bool bao_blk_take_pages(struct bao_blk_request *req, size_t len);
void bao_blk_push(struct bao_blk_request *req, u8 status);

/* blk_request.c */
u8 *bao_blk_find_status(const struct bao_vchain *chain);
int bao_blk_begin(struct bao_blk_request *req, const struct bao_vchain *chain);
void bao_blk_go_on(struct bao_blk_request *req);

/* blk_io.c */
bool bao_blk_try(struct bao_blk_request *req);
void bao_blk_work(struct work_struct *work);

#endif /* _BAO_VIRTIO_BLK_H */
