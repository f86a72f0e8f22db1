// A doubly linked list whose links live in the objects: joining and leaving allocate nothing and cannot fail.
#pragma once

#include <cstddef>
#include <iterator>

#include "base/check.h"

namespace halfdoor {

// Base of whatever joins a list. Tag tells lists apart for an object that is in several. Leaves its list when
// destroyed.
template <class Tag>
class ListLink {
 public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { leave(); }

  bool is_linked() const { return next_ != this; }
  void leave() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = this;
  }

 private:
  template <class T, class U>
  friend class IntrusiveList;

  void join_before(ListLink& position) {
    HALFDOOR_CHECK(!is_linked());
    previous_ = position.previous_;
    next_ = &position;
    position.previous_->next_ = this;
    position.previous_ = this;
  }

  ListLink* next_ = this;
  ListLink* previous_ = this;
};

// Does not own its members. T derives from ListLink<Tag>.
template <class T, class Tag>
class IntrusiveList {
  using Link = ListLink<Tag>;

 public:
  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    explicit iterator(Link* at) : at_(at) {}
    T& operator*() const { return static_cast<T&>(*at_); }
    T* operator->() const { return &static_cast<T&>(*at_); }
    iterator& operator++() {
      at_ = at_->next_;
      return *this;
    }
    bool operator==(const iterator& other) const = default;

   private:
    Link* at_;
  };

  bool empty() const { return !head_.is_linked(); }
  T& front() {
    HALFDOOR_CHECK(!empty());
    return static_cast<T&>(*head_.next_);
  }
  T& back() {
    HALFDOOR_CHECK(!empty());
    return static_cast<T&>(*head_.previous_);
  }
  void push_back(T& member) { static_cast<Link&>(member).join_before(head_); }
  void push_front(T& member) { static_cast<Link&>(member).join_before(*head_.next_); }
  T* pop_front() {
    if (empty()) return nullptr;
    T& member = front();
    static_cast<Link&>(member).leave();
    return &member;
  }
  // Moves every member of other behind ours.
  void take(IntrusiveList& other) {
    while (T* member = other.pop_front()) push_back(*member);
  }
  iterator begin() { return iterator(head_.next_); }
  iterator end() { return iterator(&head_); }

 private:
  Link head_;
};

}  // namespace halfdoor
